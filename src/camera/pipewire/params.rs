//! What the node says about itself in PipeWire's own words.

use crate::camera::PixelFormat;
use crate::render::Size;
use ::pipewire::spa;
use anyhow::{Context, Result, anyhow, bail, ensure};
use spa::param::ParamType;
use spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use spa::param::video::{VideoFormat, VideoInfoRaw};
use spa::pod::{ChoiceValue, Object, Pod, Property, Value, object, property};
use spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Fraction, Id, Rectangle, SpaTypes};

const NAMES: [(PixelFormat, VideoFormat); 3] = [
    (PixelFormat::I420, VideoFormat::I420),
    (PixelFormat::Yuy2, VideoFormat::YUY2),
    (PixelFormat::Nv12, VideoFormat::NV12),
];

/// An object as the bytes that PipeWire reads.
pub type Bytes = Result<Vec<u8>>;

fn bytes(object: Object) -> Bytes {
    let written =
        spa::pod::serialize::PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(object));
    Ok(written.map_err(|e| anyhow!("error writing a PipeWire parameter: {e:?}"))?.0.into_inner())
}

/// Bytes as the pod that they are.
pub fn pod(bytes: &Bytes) -> Result<&Pod> {
    let bytes = bytes.as_ref().map_err(|e| anyhow!("{e:#}"))?;
    Pod::from_bytes(bytes).context("a PipeWire parameter came out too short")
}

/// One offer. WebRTC drops a node whose offers hold a range or a choice (`pipewire_session.cc`), so each is fixed.
pub fn format(format: PixelFormat, size: Size, fps: u32) -> Bytes {
    let name = NAMES.iter().find(|(ours, _)| *ours == format).map_or(VideoFormat::I420, |(_, theirs)| *theirs);
    let rectangle = Rectangle { width: size.width, height: size.height };
    let mut offer = object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        property!(FormatProperties::VideoFormat, Id, name),
        property!(FormatProperties::VideoSize, Rectangle, rectangle),
        property!(FormatProperties::VideoFramerate, Fraction, Fraction { num: fps, denom: 1 }),
    );
    // For the apps that look: without these, some take a picture of 720 lines for BT.709.
    for (key, value) in [
        (FormatProperties::VideoColorRange, spa::sys::SPA_VIDEO_COLOR_RANGE_16_235),
        (FormatProperties::VideoColorMatrix, spa::sys::SPA_VIDEO_COLOR_MATRIX_BT601),
        (FormatProperties::VideoTransferFunction, spa::sys::SPA_VIDEO_TRANSFER_BT709),
        (FormatProperties::VideoColorPrimaries, spa::sys::SPA_VIDEO_COLOR_PRIMARIES_BT709),
    ] {
        offer.properties.push(Property::new(key.as_raw(), Value::Id(Id(value))));
    }
    bytes(offer)
}

/// The offer that was taken.
pub fn chosen(param: &Pod) -> Result<PixelFormat> {
    let mut info = VideoInfoRaw::default();
    info.parse(param).map_err(|e| anyhow!("the format cannot be read: {e}"))?;
    match NAMES.iter().find(|(_, theirs)| *theirs == info.format()) {
        Some((ours, _)) => Ok(*ours),
        None => bail!("{:?} is none of the camera's formats", info.format()),
    }
}

/// How many buffers of which size.
pub fn buffers(format: PixelFormat, size: Size) -> Bytes {
    ensure!(size.width > 0 && size.height > 0, "the camera has no size");
    // A range: with a fixed number, GStreamer's pipewiresrc waits in Paused for ever (measured on 0.3.65).
    let range = ChoiceEnum::Range { default: 8, min: 2, max: 64 };
    bytes(object!(
        SpaTypes::ObjectParamBuffers,
        ParamType::Buffers,
        Property::new(
            spa::sys::SPA_PARAM_BUFFERS_buffers,
            Value::Choice(ChoiceValue::Int(Choice(ChoiceFlags::empty(), range))),
        ),
        Property::new(spa::sys::SPA_PARAM_BUFFERS_blocks, Value::Int(1)),
        Property::new(spa::sys::SPA_PARAM_BUFFERS_size, Value::Int(format.bytes(size) as i32)),
        Property::new(spa::sys::SPA_PARAM_BUFFERS_stride, Value::Int(format.stride(size) as i32)),
    ))
}

/// Room for a time stamp on each buffer.
pub fn header() -> Bytes {
    bytes(object!(
        SpaTypes::ObjectParamMeta,
        ParamType::Meta,
        Property::new(spa::sys::SPA_PARAM_META_type, Value::Id(Id(spa::sys::SPA_META_Header))),
        Property::new(spa::sys::SPA_PARAM_META_size, Value::Int(size_of::<spa::sys::spa_meta_header>() as i32)),
    ))
}
