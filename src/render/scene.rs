//! One avatar at one size on one device: everything that stays the same from frame to frame.

use super::gpu::Gpu;
use super::inner::{Inner, InnerVertex};
use super::lens::{Cover, Lens};
use super::resample::{self, Picture, Span};
use super::shape::{Body, MAX_STRIPS, Overlay, SkinVertex};
use super::topology;
use super::{Frame, Size};
use crate::avatar::{Avatar, Material, Part};
use anyhow::{Context, Result, anyhow};
use glam::{UVec2, Vec2, Vec3};
use image::RgbImage;
use wgpu::{BufferUsages, TextureUsages};

/// A run of an index buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub start: u32,
    pub end: u32,
}

/// An eye or a part of the mouth, with its picture and its place in the shared buffers.
pub(super) struct InnerPart {
    pub inner: Inner,
    pub texture: wgpu::BindGroup,
    /// What may show in the present frame.
    pub visible: Run,
    pub base: u32,
    /// Soft edges, by places in the whole buffer.
    pub strips: Run,
}

/// Where the pictures are drawn and read back from.
pub(super) struct Target {
    pub colour: wgpu::Texture,
    pub colour_view: wgpu::TextureView,
    /// With several samples a pixel.
    pub multi: Option<wgpu::TextureView>,
    pub depth: wgpu::TextureView,
    pub readback: wgpu::Buffer,
}

pub(super) struct Scene {
    pub size: Size,
    pub lens: Lens,
    pub neck: Vec3,
    pub light: Vec3,
    pub body: Body,
    pub inners: Vec<InnerPart>,
    pub skin: wgpu::BindGroup,
    pub overlay_textures: Vec<wgpu::BindGroup>,
    pub light_group: wgpu::BindGroup,
    /// Indices: still opaque, still soft, moving opaque, moving soft, each overlay, strips.
    pub indices: wgpu::Buffer,
    pub still: [Run; 2],
    pub moving: [Run; 2],
    pub overlays: Vec<Run>,
    pub backing: Run,
    pub strips: Run,
    /// Of the strips along teeth.
    pub inner_strips: wgpu::Buffer,
    /// Of what may show in the present frame.
    pub inner_indices: wgpu::Buffer,
    pub inner_visible: Vec<u32>,
    pub skin_buffer: wgpu::Buffer,
    pub inner_buffer: wgpu::Buffer,
    pub skin_vertices: Vec<SkinVertex>,
    pub inner_vertices: Vec<InnerVertex>,
    pub target: Target,
    /// What is behind all that moves: the plate, and the parts of the person that never move.
    pub background: Vec<u8>,
    /// What is behind the person.
    pub plate: Vec<u8>,
    pub background_texture: wgpu::Texture,
    pub background_group: wgpu::BindGroup,
}

/// A copy's rows begin at multiples of this many bytes (`wgpu::COPY_BYTES_PER_ROW_ALIGNMENT`).
pub(super) fn row_bytes(width: u32) -> u32 {
    (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

impl Scene {
    pub fn new(gpu: &Gpu, avatar: &Avatar, size: Size) -> Result<Self> {
        let part = avatar.body().context("the avatar has no body")?;
        let lens = Lens::new(avatar.camera, size);
        let cover = Cover::new(size, avatar.aspect);
        let uv = part.uv.iter().map(|uv| cover.uv(*uv)).collect();
        // Samples at the seam of what stands still and what moves would be mixed twice.
        let bake = gpu.samples == 1;
        // Pictures take about as long as the mesh.
        let (pictures, mut body) = std::thread::scope(|s| {
            let paint = || Pictures::new(gpu, avatar, part, &cover, &lens, size);
            let other = std::thread::Builder::new().name("pictures".into()).spawn_scoped(s, paint);
            let body = Body::new(avatar, part, uv, bake);
            let pictures = other.ok().map_or_else(|| Ok(paint()), std::thread::ScopedJoinHandle::join);
            pictures
                .map(|pictures| (pictures, body))
                .map_err(|_| anyhow!("the avatar's pictures cannot be brought to size"))
        })?;
        let Pictures { plate, skin, overlays, overlay_textures, mut textures } = pictures;
        body.overlays = overlays;
        let (index, still, moving, overlay_runs, [backing, strips]) = body_indices(part, &body);

        let mut inner_index: Vec<u32> = Vec::new();
        let mut inners = Vec::new();
        let (mut base, mut corners) = (0, 0);
        for part in avatar.parts.iter().filter(|p| p.material != Material::Portrait) {
            let inner = Inner::new(part);
            corners += 3 * part.triangles.len();
            let count = inner.vertex_count() as u32;
            let Some(texture) = textures.next() else { break };
            inners.push(InnerPart { inner, texture, visible: Run::default(), base, strips: Run::default() });
            base += count;
        }
        // Their strips lie after all of them, in the same order.
        for part in &mut inners {
            let (start, count) = (inner_index.len() as u32, part.inner.strip_count() as u32);
            inner_index.extend((0..count).flat_map(|q| [0, 1, 2, 2, 1, 3].map(|c| base + q * 4 + c)));
            part.strips = Run { start, end: inner_index.len() as u32 };
            base += 4 * count;
        }
        let light = gpu.filled(bytemuck::bytes_of(&avatar.light.extend(0.0).to_array()), BufferUsages::UNIFORM);
        let light_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &gpu.light_layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: light.as_entire_binding() }],
        });
        let capacity = body.capacity();
        let inner_capacity = base as usize;
        let vertex = BufferUsages::VERTEX | BufferUsages::COPY_DST;
        let background_texture = gpu.texture(
            size.width,
            size.height,
            1,
            TextureUsages::TEXTURE_BINDING | TextureUsages::COPY_DST | TextureUsages::COPY_SRC,
        );
        gpu.fill(&background_texture, &plate);
        Ok(Self {
            size,
            lens,
            neck: avatar.neck,
            light: avatar.light,
            skin,
            overlay_textures,
            light_group,
            indices: gpu.filled(bytemuck::cast_slice(&index), BufferUsages::INDEX),
            still,
            moving,
            overlays: overlay_runs,
            backing,
            strips,
            inner_strips: gpu.filled(bytemuck::cast_slice(&inner_index), BufferUsages::INDEX),
            inner_indices: gpu.buffer(corners * size_of::<u32>(), BufferUsages::INDEX | BufferUsages::COPY_DST),
            inner_visible: Vec::with_capacity(corners),
            skin_buffer: gpu.buffer(capacity * size_of::<SkinVertex>(), vertex),
            inner_buffer: gpu.buffer(inner_capacity.max(1) * size_of::<InnerVertex>(), vertex),
            skin_vertices: Vec::with_capacity(capacity),
            inner_vertices: Vec::with_capacity(inner_capacity),
            target: target(gpu, size),
            background: plate.clone(),
            plate,
            background_group: gpu.bind(&background_texture),
            background_texture,
            body,
            inners,
        })
    }

    /// Leaves nobody in the background.
    pub fn clear_background(&mut self, gpu: &Gpu) {
        self.background.copy_from_slice(&self.plate);
        gpu.fill(&self.background_texture, &self.background);
    }

    /// Makes `frame` the background from now on.
    pub fn set_background(&mut self, gpu: &Gpu, frame: &Frame) {
        self.background.copy_from_slice(&frame.rgba);
        gpu.fill(&self.background_texture, &self.background);
    }
}

fn target(gpu: &Gpu, size: Size) -> Target {
    let (w, h) = (size.width, size.height);
    let usage = TextureUsages::RENDER_ATTACHMENT | TextureUsages::COPY_SRC | TextureUsages::COPY_DST;
    let colour = gpu.texture(w, h, 1, usage);
    let multi = (gpu.samples > 1)
        .then(|| gpu.texture(w, h, gpu.samples, TextureUsages::RENDER_ATTACHMENT).create_view(&Default::default()));
    Target {
        colour_view: colour.create_view(&Default::default()),
        colour,
        multi,
        depth: gpu.depth(w, h),
        readback: gpu.buffer((row_bytes(w) * h) as usize, BufferUsages::COPY_DST | BufferUsages::MAP_READ),
    }
}

type BodyIndices = (Vec<u32>, [Run; 2], [Run; 2], Vec<Run>, [Run; 2]);

/// Opaque triangles nearest first, so that what they hide is never shaded; soft ones farthest first, so that they blend.
fn body_indices(part: &Part, body: &Body) -> BodyIndices {
    let t = &body.topology;
    let z = |i: &usize| part.triangles[*i].iter().map(|v| part.positions[*v as usize].z).sum::<f32>();
    let mut index: Vec<u32> = Vec::new();
    let mut run = |still: bool, cover: topology::Cover| {
        let mut all: Vec<usize> =
            (0..part.triangles.len()).filter(|i| t.still[*i] == still && t.cover[*i] == cover).collect();
        all.sort_by(|a, b| z(a).total_cmp(&z(b)));
        if cover == topology::Cover::Opaque {
            all.reverse();
        }
        let start = index.len() as u32;
        index.extend(all.iter().flat_map(|i| part.triangles[*i]));
        Run { start, end: index.len() as u32 }
    };
    let still = [run(true, topology::Cover::Opaque), run(true, topology::Cover::Soft)];
    let moving = [run(false, topology::Cover::Opaque), run(false, topology::Cover::Soft)];
    let mut base = part.positions.len() as u32;
    let mut overlays = Vec::new();
    for overlay in &body.overlays {
        let mut place = vec![u32::MAX; part.positions.len()];
        let mut shown = vec![false; part.positions.len()];
        for (i, v) in overlay.vertices.iter().enumerate() {
            place[*v as usize] = base + i as u32;
            shown[*v as usize] = overlay.keys.iter().any(|k| k.1[i].1 > 0.0);
        }
        let start = index.len() as u32;
        for (i, triangle) in part.triangles.iter().enumerate() {
            if t.cover[i] != topology::Cover::Nothing && triangle.iter().any(|v| shown[*v as usize]) {
                index.extend(triangle.map(|v| place[v as usize]));
            }
        }
        overlays.push(Run { start, end: index.len() as u32 });
        base += overlay.vertices.len() as u32;
    }
    let start = index.len() as u32;
    index.extend(body.backing_indices().into_iter().map(|i| i + body.backing_base()));
    let backing = Run { start, end: index.len() as u32 };
    let start = backing.end;
    index.extend((0..MAX_STRIPS as u32).flat_map(|q| [0, 1, 2, 2, 1, 3].map(|c| q * 4 + c)));
    let strips = Run { start, end: index.len() as u32 };
    (index, still, moving, overlays, [backing, strips])
}

/// The avatar's pictures at the scale of the frame.
struct Pictures {
    plate: Vec<u8>,
    skin: wgpu::BindGroup,
    overlays: Vec<Overlay>,
    overlay_textures: Vec<wgpu::BindGroup>,
    /// Of the parts inside the body, in their order.
    textures: std::vec::IntoIter<wgpu::BindGroup>,
}

impl Pictures {
    fn new(gpu: &Gpu, avatar: &Avatar, part: &Part, cover: &Cover, lens: &Lens, size: Size) -> Self {
        let whole = Cut { low: UVec2::ZERO, high: UVec2::new(cover.width, cover.height) };
        let matte = Picture::new(avatar.matte.width(), avatar.matte.height(), avatar.matte.as_raw());
        let matte = whole.place(matte, cover, |[a]| a);
        let skin = gpu.picture(cover.width, cover.height, &portrait(&avatar.portrait, &matte, cover, whole));
        let (overlays, overlay_textures) = overlays(gpu, avatar, part, cover, &matte);
        let inner = avatar.parts.iter().filter(|p| p.material != Material::Portrait);
        let textures: Vec<_> = inner.map(|part| inner_texture(gpu, part, lens)).collect();
        Self { plate: plate(avatar, size), skin, overlays, overlay_textures, textures: textures.into_iter() }
    }
}

/// A rectangle of the pixels of a [`Cover`].
#[derive(Clone, Copy)]
struct Cut {
    low: UVec2,
    high: UVec2,
}

impl Cut {
    fn size(self) -> UVec2 {
        self.high - self.low
    }

    /// A picture of the person, as much of it as lies in here.
    fn place<const C: usize, T>(
        self,
        picture: Picture<'_, C>,
        cover: &Cover,
        finish: impl FnMut([u8; C]) -> T,
    ) -> Vec<T> {
        let (x, y) = (cover.span, Span { start: 0.0, length: cover.height as f32 });
        let size = self.size();
        resample::place(picture, size.x, size.y, x.from(self.low.x), y.from(self.low.y), finish)
    }
}

fn rgb(picture: &RgbImage) -> Picture<'_, 3> {
    Picture::new(picture.width(), picture.height(), picture.as_raw())
}

fn opaque([r, g, b]: [u8; 3]) -> [u8; 4] {
    [r, g, b, 255]
}

/// The plate fills the frame: its height is the frame's, unless the frame is wider than it.
fn plate(avatar: &Avatar, size: Size) -> Vec<u8> {
    let (w, h) = (size.width as f32, size.height as f32);
    let scale = (w / (h * avatar.plate_aspect)).max(1.0);
    let (x, y) = (Span::centred(size.width, h * scale * avatar.plate_aspect), Span::centred(size.height, h * scale));
    resample::place(rgb(&avatar.plate), size.width, size.height, x, y, opaque).into_flattened()
}

/// A picture of the person in the pixels of `cut`, premultiplied by the matte of the whole cover.
fn portrait(picture: &RgbImage, matte: &[u8], cover: &Cover, cut: Cut) -> Vec<u8> {
    let rows = matte.chunks_exact(cover.width as usize).take(cut.high.y as usize).skip(cut.low.y as usize);
    let mut alphas = rows.flat_map(|row| &row[cut.low.x as usize..cut.high.x as usize]);
    let mul = |c: u8, a: u8| ((u32::from(c) * u32::from(a) + 127) / 255) as u8;
    let finish = |[r, g, b]: [u8; 3]| {
        let a = alphas.next().copied().unwrap_or(0);
        [mul(r, a), mul(g, a), mul(b, a), a]
    };
    cut.place(rgb(picture), cover, finish).into_flattened()
}

/// The keys' pictures, each cut to where any body vertex looks for it.
fn overlays(
    gpu: &Gpu,
    avatar: &Avatar,
    part: &Part,
    cover: &Cover,
    matte: &[u8],
) -> (Vec<Overlay>, Vec<wgpu::BindGroup>) {
    let (mut all, mut textures) = (Vec::new(), Vec::new());
    let whole = UVec2::new(cover.width, cover.height);
    for (p, picture) in avatar.key_pictures.iter().enumerate() {
        let keys: Vec<_> = avatar.keys.iter().filter(|k| k.picture == p).collect();
        let mut taken = vec![false; part.positions.len()];
        for t in &part.triangles {
            if t.iter().any(|v| keys.iter().any(|k| k.mask[*v as usize] > 0.0)) {
                t.iter().for_each(|v| taken[*v as usize] = true);
            }
        }
        let vertices: Vec<u32> = (0..taken.len() as u32).filter(|v| taken[*v as usize]).collect();
        let pixels = |k: &crate::avatar::Key, v: u32| cover.uv(k.uv[v as usize]) * whole.as_vec2();
        let (mut low, mut high) = (whole.as_vec2(), Vec2::ZERO);
        for k in &keys {
            for v in &vertices {
                (low, high) = (low.min(pixels(k, *v)), high.max(pixels(k, *v)));
            }
        }
        let low = (low - 2.0).max(Vec2::ZERO).as_uvec2().min(whole - 1);
        let high = (high + 3.0).max(Vec2::ZERO).as_uvec2().min(whole).max(low + 1);
        let cut = Cut { low, high };
        let size = cut.size();
        textures.push(gpu.picture(size.x, size.y, &portrait(picture, matte, cover, cut)));
        let local = |k: &crate::avatar::Key, v: u32| (pixels(k, v) - low.as_vec2()) / size.as_vec2();
        let keys = keys
            .iter()
            .map(|k| (k.weight, vertices.iter().map(|v| (local(k, *v), k.mask[*v as usize])).collect()))
            .collect();
        all.push(Overlay { vertices, keys });
    }
    (all, textures)
}

/// A texture a little finer than it can be seen, so that it needs no smaller copies.
fn inner_texture(gpu: &Gpu, part: &Part, lens: &Lens) -> wgpu::BindGroup {
    let Some(texture) = &part.texture else {
        let colour: [u8; 3] = match part.material {
            Material::Teeth => [222, 214, 198],
            Material::Tongue => [176, 92, 90],
            Material::Eye => [200, 196, 192],
            Material::Cavity | Material::Portrait => [96, 38, 32],
        };
        return gpu.picture(1, 1, &[colour[0], colour[1], colour[2], 255]);
    };
    let spread = |v: &mut dyn Iterator<Item = f32>| {
        let (low, high) = v.fold((f32::MAX, f32::MIN), |(a, b), x| (a.min(x), b.max(x)));
        (high - low).max(1e-3)
    };
    let density = spread(&mut part.positions.iter().map(|p| p.x)) / spread(&mut part.uv.iter().map(|uv| uv.x));
    let wanted = (density * lens.pixels_per_unit() * 1.4).ceil() as u32;
    let width = wanted.clamp(16, texture.width().max(16));
    let height = (width * texture.height() / texture.width()).max(1);
    let (x, y) = (Span::centred(width, width as f32), Span::centred(height, height as f32));
    let rgba = resample::place(rgb(texture), width, height, x, y, opaque);
    gpu.picture(width, height, rgba.as_flattened())
}
