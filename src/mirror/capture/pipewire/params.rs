//! What is asked of a node, in PipeWire's own words.

use crate::mirror::capture::choose::{MAX_SIDE, WANTED};
use crate::mirror::capture::pixels::{Format, Layout};
use ::pipewire::spa;
use anyhow::{Context, Result, anyhow, bail};
use spa::param::ParamType;
use spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use spa::param::format_utils::parse_format;
use spa::param::video::{VideoFormat, VideoInfoRaw};
use spa::pod::{ChoiceValue, Object, Pod, Property, Value, object, property};
use spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Fraction, Id, Rectangle, SpaTypes};

/// The raw formats, those that are read with the least work first.
const RAW: [(Format, VideoFormat); 7] = [
    (Format::Yuyv, VideoFormat::YUY2),
    (Format::Uyvy, VideoFormat::UYVY),
    (Format::Nv12, VideoFormat::NV12),
    (Format::I420, VideoFormat::I420),
    (Format::Rgb, VideoFormat::RGB),
    (Format::Bgr, VideoFormat::BGR),
    (Format::Grey, VideoFormat::GRAY8),
];

/// Pictures whose larger side lies between these are good to read.
const GOOD: (u32, u32) = (480, 1280);

/// Frames a second that must be had if the camera can.
const ENOUGH: u32 = 25;

/// Room for a picture as JPEG where nobody says how much it needs.
const JPEG_BYTES: i32 = 1 << 21;

/// An object as the bytes that PipeWire reads.
fn bytes(object: Object) -> Result<Vec<u8>> {
    let written =
        spa::pod::serialize::PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(object));
    Ok(written.map_err(|e| anyhow!("error writing a PipeWire parameter: {e:?}"))?.0.into_inner())
}

/// Bytes as the pods that they are.
pub fn pods(bytes: &[Vec<u8>]) -> Result<Vec<&Pod>> {
    bytes.iter().map(|b| Pod::from_bytes(b).context("a PipeWire parameter came out too short")).collect()
}

/// What is taken, the best first: PipeWire settles on the first that the node has. Fast enough comes before the size, as in
/// [`crate::mirror::capture::choose`], and the size before the format.
pub fn wanted() -> Result<Vec<Vec<u8>>> {
    let square = |side| Rectangle { width: side, height: side };
    let exact = Rectangle { width: WANTED.0, height: WANTED.1 };
    let (smallest, largest) = (square(1), square(MAX_SIDE));
    // A portrait picture has its width and height exchanged, so both may be as much.
    let good = (Rectangle { width: GOOD.0 / 2, height: GOOD.0 / 2 }, square(GOOD.1));
    let steps = [((exact, exact), ENOUGH), (good, ENOUGH), ((smallest, largest), ENOUGH), ((smallest, largest), 0)];
    let each = steps.into_iter().flat_map(|(sizes, rate)| [false, true].map(|jpeg| format(jpeg, sizes, rate)));
    each.collect()
}

/// Raw pictures or JPEG of a range of sizes, at a rate or more.
fn format(jpeg: bool, (smallest, largest): (Rectangle, Rectangle), slowest: u32) -> Result<Vec<u8>> {
    let size = Rectangle {
        width: WANTED.0.clamp(smallest.width, largest.width),
        height: WANTED.1.clamp(smallest.height, largest.height),
    };
    let sizes = ChoiceEnum::Range { default: size, min: smallest, max: largest };
    let rate = |num| Fraction { num, denom: 1 };
    let rates = ChoiceEnum::Range { default: rate(30), min: rate(slowest), max: rate(1000) };
    let mut offer = object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, if jpeg { MediaSubtype::Mjpg } else { MediaSubtype::Raw }),
    );
    let mut add =
        |key: FormatProperties, value| offer.properties.push(Property::new(key.as_raw(), Value::Choice(value)));
    if !jpeg {
        let ids = RAW.iter().map(|(_, theirs)| Id(theirs.as_raw())).collect();
        let formats = ChoiceEnum::Enum { default: Id(VideoFormat::YUY2.as_raw()), alternatives: ids };
        add(FormatProperties::VideoFormat, ChoiceValue::Id(Choice(ChoiceFlags::empty(), formats)));
    }
    add(FormatProperties::VideoSize, ChoiceValue::Rectangle(Choice(ChoiceFlags::empty(), sizes)));
    add(FormatProperties::VideoFramerate, ChoiceValue::Fraction(Choice(ChoiceFlags::empty(), rates)));
    bytes(offer)
}

/// What was agreed on.
///
/// # Errors
/// It is nothing that was asked for.
pub fn agreed(param: &Pod) -> Result<Layout> {
    let (kind, subtype) = parse_format(param).map_err(|e| anyhow!("the format cannot be read: {e}"))?;
    if (kind, subtype) == (MediaType::Video, MediaSubtype::Mjpg) {
        // Each picture tells its own size.
        return Ok(Layout { format: Format::Mjpeg, width: 0, height: 0, stride: 0, full: true, bt709: false });
    }
    let mut info = VideoInfoRaw::default();
    info.parse(param).map_err(|e| anyhow!("the format cannot be read: {e}"))?;
    let Some((format, _)) = RAW.iter().find(|(_, theirs)| *theirs == info.format()) else {
        bail!("{:?} is none of the formats that were asked for", info.format());
    };
    let full = info.color_range() == spa::sys::SPA_VIDEO_COLOR_RANGE_0_255;
    let bt709 = info.color_matrix() == spa::sys::SPA_VIDEO_COLOR_MATRIX_BT709;
    Ok(Layout { format: *format, width: info.size().width, height: info.size().height, stride: 0, full, bt709 })
}

/// How many buffers there should be, where they may lie, and room for a time stamp on each.
///
/// # Errors
/// The parameters could not be written.
pub fn buffers(format: Format) -> Result<Vec<Vec<u8>>> {
    let int = |value| Value::Choice(ChoiceValue::Int(Choice(ChoiceFlags::empty(), value)));
    let count = ChoiceEnum::Range { default: 4, min: 2, max: 16 };
    let kinds = [spa::sys::SPA_DATA_MemPtr, spa::sys::SPA_DATA_MemFd, spa::sys::SPA_DATA_DmaBuf];
    let kinds = kinds.into_iter().fold(0, |all, kind| all | 1 << kind);
    let mut buffers = object!(
        SpaTypes::ObjectParamBuffers,
        ParamType::Buffers,
        Property::new(spa::sys::SPA_PARAM_BUFFERS_buffers, int(count)),
        Property::new(
            spa::sys::SPA_PARAM_BUFFERS_dataType,
            int(ChoiceEnum::Flags { default: kinds, flags: Vec::new() }),
        ),
    );
    if format == Format::Mjpeg {
        // A program that offers JPEG may not know how large its pictures will be.
        let size = ChoiceEnum::Range { default: JPEG_BYTES, min: 1, max: i32::MAX };
        buffers.properties.push(Property::new(spa::sys::SPA_PARAM_BUFFERS_size, int(size)));
    }
    let header = object!(
        SpaTypes::ObjectParamMeta,
        ParamType::Meta,
        Property::new(spa::sys::SPA_PARAM_META_type, Value::Id(Id(spa::sys::SPA_META_Header))),
        Property::new(spa::sys::SPA_PARAM_META_size, Value::Int(size_of::<spa::sys::spa_meta_header>() as i32)),
    );
    Ok(vec![bytes(buffers)?, bytes(header)?])
}
