// Colours are display-referred sRGB throughout, as the portrait was exposed; nothing is linearised.

@group(0) @binding(0) var smp: sampler;
@group(0) @binding(1) var tex: texture_2d<f32>;

// The body: the portrait itself, premultiplied by the matte.
struct Skin {
    @builtin(position) @invariant place: vec4<f32>,
    @location(0) uv: vec2<f32>,
    // Opacity and light, 1 = as the portrait.
    @location(1) tone: vec2<f32>,
};

@vertex
fn skin(@location(0) place: vec4<f32>, @location(1) uv: vec2<f32>, @location(2) tone: vec2<f32>) -> Skin {
    return Skin(place, uv, tone);
}

@fragment
fn skin_opaque(in: Skin) -> @location(0) vec4<f32> {
    return vec4<f32>(textureSampleLevel(tex, smp, in.uv, 0.0).rgb * in.tone.y, 1.0);
}

@fragment
fn skin_soft(in: Skin) -> @location(0) vec4<f32> {
    let c = textureSampleLevel(tex, smp, in.uv, 0.0);
    return vec4<f32>(c.rgb * in.tone.y, c.a) * in.tone.x;
}

// Eyes, teeth, tongue, cavity.
struct Inner {
    @builtin(position) place: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) normal: vec3<f32>,
    // Eye: where the highlight stands relative to the centre, in radii, fleshy inner corner, shade of the lids.
    // Mouth: how deep inside, how open the mouth is, opacity, shade of the lips.
    @location(2) extra: vec4<f32>,
};

struct Light { key: vec4<f32> };
@group(1) @binding(0) var<uniform> light: Light;

@vertex
fn inner(@location(0) place: vec4<f32>, @location(1) uv: vec2<f32>, @location(2) normal: vec3<f32>, @location(3) extra: vec4<f32>) -> Inner {
    return Inner(place, uv, normal, extra);
}

@fragment
fn eye(in: Inner) -> @location(0) vec4<f32> {
    let n = normalize(in.normal);
    let albedo = textureSampleLevel(tex, smp, in.uv, 0.0).rgb;
    // A ball in a socket: the key light wraps around, the rim falls into the shade of the lids.
    let wrap = clamp(dot(n, light.key.xyz) * 0.5 + 0.5, 0.0, 1.0);
    let rim = smoothstep(0.1, 0.75, n.z);
    var c = albedo * (0.79 + 0.25 * wrap) * mix(vec3<f32>(0.84, 0.68, 0.62), vec3<f32>(1.0), rim);
    // The room, mirrored in the wet cornea, veils the iris.
    let cornea = 1.0 - smoothstep(0.21, 0.26, length(in.uv - vec2<f32>(0.5)));
    c = mix(c, vec3<f32>(0.76, 0.71, 0.63), 0.15 * cornea);
    c *= mix(vec3<f32>(0.50, 0.42, 0.39), vec3<f32>(1.0), in.extra.w);
    // The corners are flesh, not white.
    c = mix(c, vec3<f32>(0.80, 0.60, 0.53) * (0.72 + 0.28 * wrap), in.extra.z);
    // The window of the key light, mirrored in the wet cornea.
    let d = abs(in.normal.xy - in.extra.xy) / 0.095;
    let spot = 1.0 - smoothstep(0.40, 1.30, max(max(d.x, d.y), 0.75 * length(d)));
    c = mix(c, vec3<f32>(0.96, 0.97, 1.0), spot * 0.80);
    return vec4<f32>(c, 1.0);
}

@fragment
fn mouth(in: Inner) -> @location(0) vec4<f32> {
    let n = normalize(in.normal);
    let albedo = textureSampleLevel(tex, smp, in.uv, 0.0).rgb;
    let wrap = clamp(dot(n, light.key.xyz) * 0.6 + 0.4, 0.0, 1.0);
    // Light comes in through the lips only: farther back is darker and warmer.
    let inside = in.extra.x;
    let fall = mix(vec3<f32>(1.0), vec3<f32>(0.20, 0.11, 0.09), inside) * mix(vec3<f32>(0.86, 0.78, 0.72), vec3<f32>(1.0), in.extra.y);
    let shade = mix(vec3<f32>(0.46, 0.34, 0.30), vec3<f32>(1.0), in.extra.w);
    var c = albedo * (0.72 + 0.42 * wrap) * fall * shade;
    // Teeth and tongue are wet.
    let h = normalize(light.key.xyz + vec3<f32>(0.0, 0.0, 1.0));
    c += vec3<f32>(0.20) * in.extra.w * pow(max(dot(n, h), 0.0), 40.0) * (1.0 - inside);
    return vec4<f32>(c, 1.0) * in.extra.z;
}

// The background, where it cannot be copied.
@vertex
fn whole(@builtin(vertex_index) i: u32) -> @builtin(position) vec4<f32> {
    return vec4<f32>(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 1.0, 1.0);
}

@fragment
fn behind(@builtin(position) p: vec4<f32>) -> @location(0) vec4<f32> {
    return textureLoad(tex, vec2<i32>(p.xy), 0);
}
