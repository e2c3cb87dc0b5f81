//! The adapter that draws, chosen once and logged by name, and the pipelines on it.

use super::inner::InnerVertex;
use super::shape::SkinVertex;
use anyhow::{Context, Result, bail};
use std::sync::{Arc, Mutex, PoisonError};
use wgpu::{BufferUsages, TextureFormat, TextureUsages};

pub(super) const COLOUR: TextureFormat = TextureFormat::Rgba8Unorm;
/// Sixteen bits over twelve head units are steps of 0.01 mm.
const DEPTH: TextureFormat = TextureFormat::Depth16Unorm;

/// Which adapters may be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// Hardware first, a CPU adapter (lavapipe) where there is none.
    #[default]
    Auto,
    Cpu,
    Hardware,
}

impl AdapterChoice {
    /// What `$VASA_ADAPTER` asks for: "cpu", "hardware" or, where it is not set, "auto".
    ///
    /// # Errors
    /// Any other value.
    pub fn from_env() -> Result<Self> {
        match std::env::var("VASA_ADAPTER").as_deref() {
            Err(_) | Ok("" | "auto") => Ok(Self::Auto),
            Ok("cpu") => Ok(Self::Cpu),
            Ok("hardware") => Ok(Self::Hardware),
            Ok(other) => bail!("VASA_ADAPTER is \"{other}\"; it must be auto, cpu or hardware"),
        }
    }
}

/// The adapters that may draw on this machine, the one that is tried first first: name and kind for people, and whether it is a CPU.
///
/// # Errors
/// A wrong `$VASA_ADAPTER`.
pub fn adapters() -> Result<Vec<(String, bool)>> {
    Ok(enumerate(AdapterChoice::from_env()?).iter().map(|a| (label(a), is_cpu(a))).collect())
}

/// All adapters of the choice: integrated, discrete, virtual, CPU.
fn enumerate(choice: AdapterChoice) -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    adapters.retain(|a| match choice {
        AdapterChoice::Auto => true,
        AdapterChoice::Cpu => is_cpu(a),
        AdapterChoice::Hardware => !is_cpu(a),
    });
    // An integrated GPU is ample for one person and wakes no fan.
    adapters.sort_by_key(|a| match a.get_info().device_type {
        wgpu::DeviceType::IntegratedGpu => 0,
        wgpu::DeviceType::DiscreteGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

fn is_cpu(adapter: &wgpu::Adapter) -> bool {
    adapter.get_info().device_type == wgpu::DeviceType::Cpu
}

/// Name and kind, for people.
fn label(adapter: &wgpu::Adapter) -> String {
    let info = adapter.get_info();
    let kind = match info.device_type {
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Cpu => "CPU",
        wgpu::DeviceType::Other => "other",
    };
    format!("{} ({kind})", info.name)
}

/// One pipeline a way of drawing.
#[derive(Clone)]
pub(super) struct Pipelines {
    pub background: wgpu::RenderPipeline,
    pub eye: wgpu::RenderPipeline,
    pub mouth: wgpu::RenderPipeline,
    /// As `mouth`, blended.
    pub teeth_edge: wgpu::RenderPipeline,
    /// As `mouth`, but hides nothing that comes after it.
    pub cavity: wgpu::RenderPipeline,
    /// The skin behind everything.
    pub backing: wgpu::RenderPipeline,
    pub opaque: wgpu::RenderPipeline,
    pub soft: wgpu::RenderPipeline,
    /// As `soft`, seen from both sides.
    pub strip: wgpu::RenderPipeline,
}

/// A device with everything that does not depend on the avatar. A clone is the same device.
#[derive(Clone)]
pub(super) struct Gpu {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// Name and kind, for people.
    pub name: String,
    pub samples: u32,
    pub pipelines: Pipelines,
    pub sampler: wgpu::Sampler,
    texture_layout: wgpu::BindGroupLayout,
    pub light_layout: wgpu::BindGroupLayout,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Takes the first adapter that works: integrated, discrete, virtual, CPU. `samples`: 4 on hardware, 1 on a CPU where
    /// not given (four samples cost a CPU adapter twice the time; strips along edges take their place).
    pub fn new(choice: AdapterChoice, samples: Option<u32>) -> Result<Self> {
        for adapter in &enumerate(choice) {
            let name = label(adapter);
            let samples = samples.unwrap_or(if is_cpu(adapter) { 1 } else { 4 });
            match Self::on(adapter, name.clone(), samples) {
                Ok(gpu) => {
                    tracing::info!("the renderer draws on {name}");
                    return Ok(gpu);
                }
                Err(e) => tracing::warn!("the adapter {name} does not work and is passed over: {e:#}"),
            }
        }
        bail!("no Vulkan adapter works here; install one, such as the package mesa-vulkan-drivers")
    }

    fn on(adapter: &wgpu::Adapter, name: String, samples: u32) -> Result<Self> {
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            required_limits: wgpu::Limits::downlevel_defaults().using_resolution(adapter.limits()),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        }))
        .context("error opening it")?;
        let trouble = Arc::new(Mutex::new(None));
        let note = {
            let trouble = Arc::clone(&trouble);
            move |what: String| {
                trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
            }
        };
        let lost = note.clone();
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| note(e.to_string())));
        device.set_device_lost_callback(move |why, text| {
            if why != wgpu::DeviceLostReason::Destroyed {
                lost(format!("the device was lost: {text}"));
            }
        });
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        });
        let stages = wgpu::ShaderStages::FRAGMENT;
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry { binding, visibility: stages, ty, count: None };
        let texture_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &[
                entry(0, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering)),
                entry(
                    1,
                    wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Float { filterable: true },
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                ),
            ],
        });
        let uniform = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: None,
        };
        let light_layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &[entry(0, uniform)] });
        let pipelines = pipelines(&device, &texture_layout, &light_layout, samples);
        let gpu = Self { device, queue, name, samples, pipelines, sampler, texture_layout, light_layout, trouble };
        gpu.check()?;
        Ok(gpu)
    }

    /// What went wrong on the device since the last look.
    pub fn check(&self) -> Result<()> {
        match self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(what) => bail!("the renderer failed on {}: {}", self.name, what.trim().replace('\n', " ")),
            None => Ok(()),
        }
    }

    pub fn texture(&self, width: u32, height: u32, samples: u32, usage: TextureUsages) -> wgpu::Texture {
        self.make_texture(width, height, samples, COLOUR, usage)
    }

    pub fn depth(&self, width: u32, height: u32) -> wgpu::TextureView {
        let usage = TextureUsages::RENDER_ATTACHMENT;
        self.make_texture(width, height, self.samples, DEPTH, usage).create_view(&Default::default())
    }

    fn make_texture(&self, w: u32, h: u32, samples: u32, format: TextureFormat, usage: TextureUsages) -> wgpu::Texture {
        self.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width: w.max(1), height: h.max(1), depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: samples,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage,
            view_formats: &[],
        })
    }

    /// Fills a texture with rows of R G B A.
    pub fn fill(&self, texture: &wgpu::Texture, rgba: &[u8]) {
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(texture.width() * 4), rows_per_image: None };
        self.queue.write_texture(texture.as_image_copy(), rgba, layout, texture.size());
    }

    /// A texture of these pixels, ready to be sampled.
    pub fn picture(&self, width: u32, height: u32, rgba: &[u8]) -> wgpu::BindGroup {
        let texture = self.texture(width, height, 1, TextureUsages::TEXTURE_BINDING | TextureUsages::COPY_DST);
        self.fill(&texture, rgba);
        self.bind(&texture)
    }

    pub fn bind(&self, texture: &wgpu::Texture) -> wgpu::BindGroup {
        let view = texture.create_view(&Default::default());
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.texture_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Sampler(&self.sampler) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&view) },
            ],
        })
    }

    pub fn buffer(&self, bytes: usize, usage: BufferUsages) -> wgpu::Buffer {
        let size = (bytes.max(16) as u64).next_multiple_of(16);
        self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    }

    /// A buffer that keeps what it is given here.
    pub fn filled(&self, bytes: &[u8], usage: BufferUsages) -> wgpu::Buffer {
        let buffer = self.buffer(bytes.len(), usage | BufferUsages::COPY_DST);
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }
}

/// What sets one pipeline apart from another.
struct Way {
    vertex: &'static str,
    fragment: &'static str,
    lit: bool,
    /// Premultiplied blending, without writing depth.
    blended: bool,
    depth: wgpu::CompareFunction,
    /// Seen from the front only.
    cull: bool,
}

fn pipelines(
    device: &wgpu::Device,
    texture: &wgpu::BindGroupLayout,
    light: &wgpu::BindGroupLayout,
    samples: u32,
) -> Pipelines {
    use wgpu::CompareFunction::{Always, Less, LessEqual};
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(include_str!("shader.wgsl").into()),
    });
    let layout = |groups: &[Option<&wgpu::BindGroupLayout>]| {
        device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: groups,
            immediate_size: 0,
        })
    };
    let (plain, lit) = (layout(&[Some(texture)]), layout(&[Some(texture), Some(light)]));
    let skin = wgpu::VertexBufferLayout {
        array_stride: size_of::<SkinVertex>() as u64,
        step_mode: wgpu::VertexStepMode::Vertex,
        attributes: &wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x2, 2 => Float32x2],
    };
    let inner = wgpu::VertexBufferLayout {
        array_stride: size_of::<InnerVertex>() as u64,
        step_mode: wgpu::VertexStepMode::Vertex,
        attributes: &wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x2, 2 => Float32x3, 3 => Float32x4],
    };
    let make = |way: Way| {
        let buffers = match way.vertex {
            "skin" => vec![Some(skin.clone())],
            "inner" => vec![Some(inner.clone())],
            _ => Vec::new(),
        };
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: None,
            layout: Some(if way.lit { &lit } else { &plain }),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some(way.vertex),
                compilation_options: Default::default(),
                buffers: &buffers,
            },
            primitive: wgpu::PrimitiveState { cull_mode: way.cull.then_some(wgpu::Face::Back), ..Default::default() },
            depth_stencil: Some(wgpu::DepthStencilState {
                format: DEPTH,
                depth_write_enabled: Some(!way.blended && way.depth != Always),
                depth_compare: Some(way.depth),
                stencil: Default::default(),
                bias: Default::default(),
            }),
            multisample: wgpu::MultisampleState { count: samples, ..Default::default() },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some(way.fragment),
                compilation_options: Default::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: COLOUR,
                    blend: way.blended.then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        })
    };
    let way = |vertex, fragment, lit, blended, depth| make(Way { vertex, fragment, lit, blended, depth, cull: false });
    // Through the mouth of a turned head one would see the inside of the cheek.
    let front =
        |fragment, blended, depth| make(Way { vertex: "skin", fragment, lit: false, blended, depth, cull: true });
    Pipelines {
        background: way("whole", "behind", false, false, Always),
        eye: way("inner", "eye", true, false, Less),
        mouth: way("inner", "mouth", true, false, Less),
        teeth_edge: way("inner", "mouth", true, true, LessEqual),
        cavity: way("inner", "mouth", true, false, Always),
        backing: way("skin", "skin_opaque", false, false, Always),
        opaque: front("skin_opaque", false, Less),
        soft: front("skin_soft", true, LessEqual),
        strip: way("skin", "skin_soft", false, true, LessEqual),
    }
}
