//! A face and an avatar become a picture, composed into the camera's frame.

mod backdrop;
mod card;
mod cutout;
mod frame;
mod gpu;
mod inner;
mod lens;
pub(crate) mod lettering;
mod morph;
mod opening;
pub(crate) mod overlay;
mod pose;
mod resample;
mod scene;
mod shape;
mod smooth;
pub(crate) mod sprite;
mod topology;

pub use backdrop::Backdrop;
pub use card::card;
pub use cutout::Cutout;
pub use frame::{Frame, Size};
pub use gpu::{AdapterChoice, adapters};
pub use overlay::Overlay;

use crate::avatar::{Avatar, Material};
use crate::face::Face;
use anyhow::{Context, Result, bail};
use glam::Vec2;
use gpu::Gpu;
use pose::Pose;
use scene::{InnerPart, Run, Scene, row_bytes};
use shape::{Body, Drawn};
use std::time::Instant;

/// Draws one avatar at one size, offscreen, on the best adapter there is.
pub struct Renderer {
    gpu: Gpu,
    scene: Scene,
}

/// The adapter that a renderer draws on, for another renderer beside it.
#[derive(Clone)]
pub struct Device(Gpu);

impl Device {
    /// As [`Renderer::new`], on this adapter: its pipelines are there already, and who draws on it goes on meanwhile.
    ///
    /// # Errors
    /// As [`Renderer::new`].
    pub fn renderer(&self, avatar: &Avatar, size: Size) -> Result<Renderer> {
        Renderer::with(self.0.clone(), avatar, size)
    }
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// What a pass draws.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layers {
    /// What never moves, over the plate.
    Still,
    Moving,
}

impl Renderer {
    /// Opens an adapter (`$VASA_ADAPTER`: auto, cpu or hardware), brings the pictures to the scale of `size`, and draws
    /// once, so that the first frame asked for comes as fast as any.
    ///
    /// # Errors
    /// No adapter works, or the size is not even or not within 16..4096.
    pub fn new(avatar: &Avatar, size: Size) -> Result<Self> {
        Self::on(avatar, size, AdapterChoice::from_env()?, None)
    }

    /// As [`Renderer::new`], on a chosen kind of adapter and with 1 or 4 samples a pixel.
    ///
    /// # Errors
    /// As [`Renderer::new`].
    pub fn on(avatar: &Avatar, size: Size, choice: AdapterChoice, samples: Option<u32>) -> Result<Self> {
        check_size(size)?;
        Self::with(Gpu::new(choice, samples)?, avatar, size)
    }

    fn with(gpu: Gpu, avatar: &Avatar, size: Size) -> Result<Self> {
        check_size(size)?;
        let begin = Instant::now();
        let scene = Scene::new(&gpu, avatar, size)?;
        let built = begin.elapsed();
        let mut renderer = Self { gpu, scene };
        renderer.prepare()?;
        let drawn = begin.elapsed() - built;
        tracing::debug!("the scene of \"{}\" was built in {built:.0?} and first drawn in {drawn:.0?}", avatar.name);
        Ok(renderer)
    }

    /// The adapter that draws, for another renderer beside this one.
    pub fn device(&self) -> Device {
        Device(self.gpu.clone())
    }

    /// Name and kind of the adapter that draws.
    pub fn adapter(&self) -> &str {
        &self.gpu.name
    }

    /// The size of the frames.
    pub fn size(&self) -> Size {
        self.scene.size
    }

    /// Draws another avatar from the next frame on. After an error the one before goes on.
    ///
    /// # Errors
    /// The avatar cannot be brought onto the adapter.
    pub fn set_avatar(&mut self, avatar: &Avatar) -> Result<()> {
        let scene = Scene::new(&self.gpu, avatar, self.scene.size)?;
        let before = std::mem::replace(&mut self.scene, scene);
        let prepared = self.prepare();
        if prepared.is_err() {
            self.scene = before;
        }
        prepared
    }

    /// Draws `face` into `into`, which takes the renderer's size and the face's moment.
    ///
    /// # Errors
    /// The adapter failed; a new renderer is needed.
    pub fn draw(&mut self, face: &Face, into: &mut Frame) -> Result<()> {
        let zoom = pose::zoom(&face.head);
        if zoom != self.scene.lens.zoom() {
            self.come_to(zoom, into)?;
        }
        self.pass(face, Layers::Moving, into)
    }

    /// The person comes nearer or goes away: what never moves is drawn anew. `frame` is used for it.
    fn come_to(&mut self, zoom: f32, frame: &mut Frame) -> Result<()> {
        self.scene.lens.set_zoom(zoom);
        if self.scene.still.iter().any(|run| run.end > run.start) {
            self.scene.clear_background(&self.gpu);
            self.pass(&Face::default(), Layers::Still, frame)?;
            self.scene.set_background(&self.gpu, frame);
        }
        Ok(())
    }

    /// Draws what never moves into the background, and every pipeline once.
    fn prepare(&mut self) -> Result<()> {
        let mut frame = Frame::new(self.scene.size);
        self.come_to(1.0, &mut frame)?;
        // A CPU adapter compiles a pipeline when it first draws with it: an expression with all of them at once.
        let mut face = Face::default();
        face.weights.0 = [0.5; crate::face::COUNT];
        self.pass(&face, Layers::Moving, &mut frame)?;
        Ok(())
    }

    fn pass(&mut self, face: &Face, layers: Layers, into: &mut Frame) -> Result<()> {
        let (gpu, scene) = (&self.gpu, &mut self.scene);
        let size = scene.size;
        if into.size != size || into.rgba.len() != scene.background.len() {
            *into = Frame::new(size);
        }
        into.at = face.at;

        let pose = Pose::new(face, scene.neck);
        scene.skin_vertices.clear();
        scene.inner_vertices.clear();
        let drawn = scene.body.draw(&pose, &scene.lens, gpu.samples == 1, &mut scene.skin_vertices);
        for part in &mut scene.inners {
            part.inner.draw(&pose, &scene.lens, scene.light, &drawn, &mut scene.inner_vertices);
        }
        scene.inner_visible.clear();
        for part in &mut scene.inners {
            part.inner.soften(&scene.lens, part.base as usize, &mut scene.inner_vertices);
            let start = scene.inner_visible.len() as u32;
            if part.inner.sticks_out(&pose) {
                part.inner.visible(Vec2::NEG_INFINITY, Vec2::INFINITY, &mut scene.inner_visible);
            } else if let Some((low, high)) = part.inner.opening(&drawn).bounds() {
                part.inner.visible(low - 2.0, high + 2.0, &mut scene.inner_visible);
            }
            part.visible = Run { start, end: scene.inner_visible.len() as u32 };
        }
        let region = match layers {
            Layers::Still => Some(Region::whole(size)),
            // Soft edges reach a little farther than the vertices.
            Layers::Moving => Region::around(drawn.low, drawn.high, 4.0, size),
        };
        let Some(region) = region else {
            into.rgba.copy_from_slice(&scene.background);
            return Ok(());
        };
        gpu.queue.write_buffer(&scene.skin_buffer, 0, bytemuck::cast_slice(&scene.skin_vertices));
        if !scene.inner_vertices.is_empty() {
            gpu.queue.write_buffer(&scene.inner_buffer, 0, bytemuck::cast_slice(&scene.inner_vertices));
        }

        if !scene.inner_visible.is_empty() {
            gpu.queue.write_buffer(&scene.inner_indices, 0, bytemuck::cast_slice(&scene.inner_visible));
        }

        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let copied = scene.target.multi.is_none();
        if copied {
            encoder.copy_texture_to_texture(
                region.of(&scene.background_texture),
                region.of(&scene.target.colour),
                region.extent(),
            );
        }
        {
            let (view, resolve) = match &scene.target.multi {
                Some(multi) => (multi, Some(&scene.target.colour_view)),
                None => (&scene.target.colour_view, None),
            };
            let colour = wgpu::Operations {
                load: if copied { wgpu::LoadOp::Load } else { wgpu::LoadOp::Clear(wgpu::Color::BLACK) },
                store: if copied { wgpu::StoreOp::Store } else { wgpu::StoreOp::Discard },
            };
            let depth = wgpu::Operations { load: wgpu::LoadOp::Clear(1.0), store: wgpu::StoreOp::Discard };
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: None,
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view,
                    depth_slice: None,
                    resolve_target: resolve,
                    ops: colour,
                })],
                depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                    view: &scene.target.depth,
                    depth_ops: Some(depth),
                    stencil_ops: None,
                }),
                timestamp_writes: None,
                occlusion_query_set: None,
                multiview_mask: None,
            });
            pass.set_scissor_rect(region.x, region.y, region.width, region.height);
            if !copied {
                pass.set_pipeline(&gpu.pipelines.background);
                pass.set_bind_group(0, &scene.background_group, &[]);
                pass.draw(0..3, 0..1);
            }
            record(gpu, scene, &mut pass, &Work { pose: &pose, layers, drawn: &drawn, region });
        }
        encoder.copy_texture_to_buffer(
            region.of(&scene.target.colour),
            wgpu::TexelCopyBufferInfo {
                buffer: &scene.target.readback,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row_bytes(region.width)),
                    rows_per_image: None,
                },
            },
            region.extent(),
        );
        let submission = gpu.queue.submit([encoder.finish()]);
        read_back(gpu, scene, submission, region, &drawn, into)
    }
}

fn check_size(size: Size) -> Result<()> {
    let fits = |n: u32| (16..=4096).contains(&n) && n.is_multiple_of(2);
    if !fits(size.width) || !fits(size.height) {
        bail!("the picture size {}x{} cannot be drawn; both must be even and 16 to 4096", size.width, size.height);
    }
    Ok(())
}

impl Region {
    /// The pixels of the frame from `low` to `high` and `more` around them, if there are any.
    fn around(low: Vec2, high: Vec2, more: f32, size: Size) -> Option<Self> {
        let whole = Vec2::new(size.width as f32, size.height as f32);
        let low = (low - more).clamp(Vec2::ZERO, whole).as_uvec2();
        let high = (high + more + 1.0).clamp(Vec2::ZERO, whole).as_uvec2();
        (high.x > low.x && high.y > low.y).then(|| Self {
            x: low.x,
            y: low.y,
            width: high.x - low.x,
            height: high.y - low.y,
        })
    }

    fn whole(size: Size) -> Self {
        Self { x: 0, y: 0, width: size.width, height: size.height }
    }

    fn of<'a>(&self, texture: &'a wgpu::Texture) -> wgpu::TexelCopyTextureInfo<'a> {
        wgpu::TexelCopyTextureInfo { origin: wgpu::Origin3d { x: self.x, y: self.y, z: 0 }, ..texture.as_image_copy() }
    }

    fn extent(&self) -> wgpu::Extent3d {
        wgpu::Extent3d { width: self.width, height: self.height, depth_or_array_layers: 1 }
    }
}

/// One frame on its way to the adapter.
struct Work<'a> {
    pose: &'a Pose,
    layers: Layers,
    drawn: &'a Drawn,
    region: Region,
}

fn record(gpu: &Gpu, scene: &Scene, pass: &mut wgpu::RenderPass<'_>, work: &Work<'_>) {
    let Work { pose, layers, drawn, region } = *work;
    let pipelines = &gpu.pipelines;
    let (width, height) = (scene.size.width as f32, scene.size.height as f32);
    let skin = |pass: &mut wgpu::RenderPass<'_>, pipeline: &wgpu::RenderPipeline, texture: &wgpu::BindGroup| {
        pass.set_vertex_buffer(0, scene.skin_buffer.slice(..));
        pass.set_index_buffer(scene.indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, texture, &[]);
    };
    let draw = |pass: &mut wgpu::RenderPass<'_>, run: Run, base: u32| {
        if run.end > run.start {
            pass.draw_indexed(run.start..run.end, base as i32, 0..1);
        }
    };
    let runs = if layers == Layers::Still { scene.still } else { scene.moving };

    if layers == Layers::Moving {
        skin(pass, &pipelines.backing, &scene.skin);
        draw(pass, scene.backing, 0);
    }
    let inner = |pass: &mut wgpu::RenderPass<'_>, part: &InnerPart| {
        pass.set_vertex_buffer(0, scene.inner_buffer.slice(..));
        pass.set_index_buffer(scene.inner_indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.set_pipeline(match part.inner.material {
            Material::Eye => &pipelines.eye,
            // The near wall of the mouth must never hide the teeth.
            Material::Cavity => &pipelines.cavity,
            _ => &pipelines.mouth,
        });
        pass.set_bind_group(0, &part.texture, &[]);
        pass.set_bind_group(1, &scene.light_group, &[]);
        draw(pass, part.visible, part.base);
    };
    if layers == Layers::Moving {
        // The body always hides what is inside it: the two halves of the depth range keep them apart.
        pass.set_viewport(0.0, 0.0, width, height, 0.5, 1.0);
        for part in &scene.inners {
            // What lies outside the hole is hidden by the body.
            if let Some((low, high)) = part.inner.opening(drawn).bounds()
                && let Some(hole) = Region::around(low, high, 2.0, scene.size)
            {
                pass.set_scissor_rect(hole.x, hole.y, hole.width, hole.height);
                inner(pass, part);
                if part.strips.end > part.strips.start {
                    pass.set_pipeline(&pipelines.teeth_edge);
                    pass.set_index_buffer(scene.inner_strips.slice(..), wgpu::IndexFormat::Uint32);
                    draw(pass, part.strips, 0);
                }
            }
        }
        pass.set_scissor_rect(region.x, region.y, region.width, region.height);
    }
    pass.set_viewport(0.0, 0.0, width, height, 0.0, 0.5);
    skin(pass, &pipelines.opaque, &scene.skin);
    draw(pass, runs[0], 0);
    skin(pass, &pipelines.soft, &scene.skin);
    draw(pass, runs[1], 0);
    if layers == Layers::Still {
        return;
    }
    for part in scene.inners.iter().filter(|p| p.inner.sticks_out(pose)) {
        inner(pass, part);
    }
    skin(pass, &pipelines.strip, &scene.skin);
    let strips = Run { start: scene.strips.start, end: scene.strips.start + 6 * drawn.edges };
    draw(pass, strips, scene.skin_vertices.len() as u32 - 4 * drawn.edges);
    for ((overlay, run), texture) in scene.body.overlays.iter().zip(&scene.overlays).zip(&scene.overlay_textures) {
        if Body::overlay_shows(overlay, pose) {
            skin(pass, &pipelines.soft, texture);
            draw(pass, *run, 0);
        }
    }
}

/// Waits for the picture and joins it with the background.
fn read_back(
    gpu: &Gpu,
    scene: &Scene,
    submission: wgpu::SubmissionIndex,
    region: Region,
    drawn: &Drawn,
    into: &mut Frame,
) -> Result<()> {
    let stride = row_bytes(region.width) as usize;
    let slice = scene.target.readback.slice(..(stride * region.height as usize) as u64);
    slice.map_async(wgpu::MapMode::Read, |_| {});
    // For this picture alone: another renderer may work on the device.
    let drawn_now = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
    gpu.device.poll(drawn_now).context("error waiting for the picture")?;
    gpu.check()?;
    {
        let mapped = slice.get_mapped_range().context("error reading the picture back")?;
        let row = scene.size.width as usize * 4;
        let (top, left) = (region.y as usize * row, region.x as usize * 4);
        let (bottom, wide) = (top + region.height as usize * row, region.width as usize * 4);
        into.rgba[..top].copy_from_slice(&scene.background[..top]);
        into.rgba[bottom..].copy_from_slice(&scene.background[bottom..]);
        let rows = into.rgba[top..bottom].chunks_exact_mut(row).zip(scene.background[top..bottom].chunks_exact(row));
        for ((to, behind), person) in rows.zip(mapped.chunks_exact(stride)) {
            to[..left].copy_from_slice(&behind[..left]);
            to[left..left + wide].copy_from_slice(&person[..wide]);
            to[left + wide..].copy_from_slice(&behind[left + wide..]);
        }
        if gpu.samples == 1 {
            let person =
                smooth::Drawn { bytes: &mapped, stride, width: region.width as usize, height: region.height as usize };
            let more = scene.lens.pixels_per_unit() * 0.08;
            // Open eyes have no steps, and their highlights are better as they are.
            let [own_left, own_right] = &drawn.eyes;
            let holes = [Some(&drawn.mouth), drawn.blinks[0].then_some(own_left), drawn.blinks[1].then_some(own_right)];
            for (low, high) in holes.into_iter().flatten().filter_map(opening::Opening::bounds) {
                let Some(hole) = Region::around(low, high, more, scene.size) else { continue };
                let within = |from: u32, start: u32, length: u32| {
                    from.saturating_sub(start) as usize..(from + length).saturating_sub(start) as usize
                };
                let (x, y) = (within(hole.x, region.x, hole.width), within(hole.y, region.y, hole.height));
                person.smooth(x, y, |x, y, rgb| {
                    into.rgba[top + y * row + left + x * 4..][..3].copy_from_slice(&rgb);
                });
            }
        }
    }
    scene.target.readback.unmap();
    Ok(())
}
