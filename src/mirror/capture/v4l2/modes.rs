//! What a device says that it can do.

use super::device::{CAPTURE, call, zeroed};
use crate::mirror::capture::choose::{MAX_SIDE, Mode, WANTED};
use crate::mirror::capture::pixels::Format;
use std::fs::File;
use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

/// More than any device has of one thing: a driver that never says "no more" must not keep us.
const MOST: u32 = 256;

/// The interval of a device that tells none.
const UNKNOWN: (u32, u32) = (1, 30);

/// V4L2's codes of what can be read.
const CODES: [([u8; 4], Format); 9] = [
    (*b"YUYV", Format::Yuyv),
    (*b"UYVY", Format::Uyvy),
    (*b"NV12", Format::Nv12),
    (*b"YU12", Format::I420),
    (*b"RGB3", Format::Rgb),
    (*b"BGR3", Format::Bgr),
    (*b"MJPG", Format::Mjpeg),
    (*b"JPEG", Format::Mjpeg),
    (*b"GREY", Format::Grey),
];

/// The format that a code stands for, if it can be read.
pub(super) fn format(code: u32) -> Option<Format> {
    CODES.into_iter().find(|(letters, _)| *letters == code.to_le_bytes()).map(|(_, format)| format)
}

/// A code in letters.
pub(super) fn letters(code: u32) -> String {
    String::from_utf8_lossy(&code.to_le_bytes()).trim_end().escape_default().to_string()
}

/// The codes of all formats that the device has, readable or not.
pub(super) fn formats(file: &File) -> Vec<u32> {
    let told = (0..MOST).map_while(|index| {
        let mut told = zeroed!(v4l2_fmtdesc);
        (told.index, told.type_) = (index, CAPTURE);
        call(file, vidioc::VIDIOC_ENUM_FMT, &mut told).ok().map(|()| told.pixelformat)
    });
    told.collect()
}

/// What the device can do with the formats of `codes` that can be read, each with its code.
pub(super) fn modes(file: &File, codes: &[u32]) -> Vec<(u32, Mode)> {
    let readable = codes.iter().filter_map(|code| Some((*code, format(*code)?)));
    readable
        .flat_map(|(code, format)| {
            let sizes = sizes(file, code);
            sizes.into_iter().flat_map(move |(width, height)| {
                let with = move |interval| (code, Mode { format, width, height, interval });
                intervals(file, code, width, height).into_iter().map(with)
            })
        })
        .collect()
}

/// The sizes of a format; of a range the one that is nearest to what is wanted.
fn sizes(file: &File, code: u32) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    for index in 0..MOST {
        let mut told = zeroed!(v4l2_frmsizeenum);
        (told.index, told.pixel_format) = (index, code);
        if call(file, vidioc::VIDIOC_ENUM_FRAMESIZES, &mut told).is_err() {
            break;
        }
        if told.type_ == v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
            // SAFETY: the kind says which member it is; all are plain numbers.
            let size = unsafe { told.__bindgen_anon_1.discrete };
            sizes.push((size.width, size.height));
            continue;
        }
        // SAFETY: as above.
        let range = unsafe { told.__bindgen_anon_1.stepwise };
        let width = nearest(WANTED.0, range.min_width, range.max_width, range.step_width);
        sizes.push((width, nearest(WANTED.1, range.min_height, range.max_height, range.step_height)));
        break;
    }
    if sizes.is_empty() {
        // An old driver that lists none has one.
        let mut now = zeroed!(v4l2_format);
        now.type_ = CAPTURE;
        if call(file, vidioc::VIDIOC_G_FMT, &mut now).is_ok() {
            // SAFETY: for a buffer type of single planes the kernel fills `pix`.
            let now = unsafe { now.fmt.pix };
            sizes.push((now.width, now.height));
        }
    }
    sizes
}

/// The value of a range with steps that is nearest to `wanted`.
fn nearest(wanted: u32, min: u32, max: u32, step: u32) -> u32 {
    let inside = wanted.clamp(min, max.max(min).min(MAX_SIDE).max(min));
    min + (inside - min) / step.max(1) * step.max(1)
}

/// The intervals of a size; of a range the one that is nearest to what is wanted.
fn intervals(file: &File, code: u32, width: u32, height: u32) -> Vec<(u32, u32)> {
    let mut intervals = Vec::new();
    for index in 0..MOST {
        let mut told = zeroed!(v4l2_frmivalenum);
        (told.index, told.pixel_format, told.width, told.height) = (index, code, width, height);
        if call(file, vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut told).is_err() {
            break;
        }
        if told.type_ == v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE {
            // SAFETY: the kind says which member it is; all are plain numbers.
            let interval = unsafe { told.__bindgen_anon_1.discrete };
            intervals.push((interval.numerator, interval.denominator));
            continue;
        }
        // SAFETY: as above.
        let range = unsafe { told.__bindgen_anon_1.stepwise };
        intervals.push(within(range.min, range.max));
        break;
    }
    if intervals.is_empty() {
        intervals.push(UNKNOWN);
    }
    intervals
}

/// What is wanted, or the end of the range that is nearest to it.
fn within(shortest: v4l2_fract, longest: v4l2_fract) -> (u32, u32) {
    let seconds = |f: v4l2_fract| f64::from(f.numerator) / f64::from(f.denominator.max(1));
    let wanted = f64::from(UNKNOWN.0) / f64::from(UNKNOWN.1);
    if wanted < seconds(shortest) {
        (shortest.numerator, shortest.denominator)
    } else if wanted > seconds(longest) {
        (longest.numerator, longest.denominator)
    } else {
        UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_spelled() {
        assert_eq!(format(u32::from_le_bytes(*b"MJPG")), Some(Format::Mjpeg));
        assert_eq!(format(u32::from_le_bytes(*b"YU12")), Some(Format::I420));
        assert_eq!(format(u32::from_le_bytes(*b"H264")), None);
        assert_eq!(letters(u32::from_le_bytes(*b"Y8  ")), "Y8");
        assert_eq!(letters(u32::from_le_bytes([1, b'A', b'"', 0])), "\\u{1}A\\\"\\u{0}");
    }

    #[test]
    fn of_a_range_the_nearest_is_taken_whatever_it_says() {
        assert_eq!(nearest(640, 48, 8192, 1), 640);
        assert_eq!(nearest(640, 16, 1920, 16), 640);
        assert_eq!(nearest(640, 800, 1920, 8), 800);
        assert_eq!(nearest(640, 2, 320, 2), 320);
        assert_eq!(nearest(640, 0, 0, 0), 0);
        assert_eq!(nearest(640, 700, 600, 7), 700);
        assert_eq!(nearest(640, u32::MAX, u32::MAX, u32::MAX), u32::MAX);
        let f = |numerator, denominator| v4l2_fract { numerator, denominator };
        assert_eq!(within(f(1, 1000), f(1, 1)), (1, 30));
        assert_eq!(within(f(1, 15), f(1, 1)), (1, 15));
        assert_eq!(within(f(1, 120), f(1, 60)), (1, 60));
        assert_eq!(within(f(0, 0), f(1, 0)), (1, 30));
    }
}
