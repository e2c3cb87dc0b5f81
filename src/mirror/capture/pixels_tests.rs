use super::*;

/// Colours and their BT.601 limited-range Y, U, V after ITU-R BT.601-7, 2.5.3, rounded.
const KNOWN: [([u8; 3], [u8; 3]); 6] = [
    ([255, 0, 0], [81, 90, 240]),
    ([0, 255, 0], [145, 54, 34]),
    ([0, 0, 255], [41, 240, 110]),
    ([255, 255, 255], [235, 128, 128]),
    ([0, 0, 0], [16, 128, 128]),
    ([200, 150, 120], [155, 107, 152]),
];

const RAW: [Format; 7] =
    [Format::Yuyv, Format::Uyvy, Format::Nv12, Format::I420, Format::Rgb, Format::Bgr, Format::Grey];

/// A picture of one colour, its rows `stride` bytes apart; between them lies what must not be seen.
fn filled(format: Format, width: u32, height: u32, stride: usize, [rgb, yuv]: [[u8; 3]; 2]) -> Vec<u8> {
    let (w, h) = (width as usize, height as usize);
    let ([r, g, b], [y, u, v]) = (rgb, yuv);
    let rows = |pattern: &[u8], used: usize, stride: usize, count: usize| {
        let row = pattern.iter().cycle().take(used).copied().chain(std::iter::repeat_n(77, stride - used));
        row.collect::<Vec<_>>().repeat(count)
    };
    let (half, low) = (w.div_ceil(2), h.div_ceil(2));
    match format {
        Format::Yuyv => rows(&[y, u, y, v], half * 4, stride, h),
        Format::Uyvy => rows(&[u, y, v, y], half * 4, stride, h),
        Format::Nv12 => [rows(&[y], w, stride, h), rows(&[u, v], half * 2, stride.max(half * 2), low)].concat(),
        Format::I420 => {
            let colour = stride.div_ceil(2);
            [rows(&[y], w, stride, h), rows(&[u], half, colour, low), rows(&[v], half, colour, low)].concat()
        }
        Format::Rgb => rows(&[r, g, b], w * 3, stride, h),
        Format::Bgr => rows(&[b, g, r], w * 3, stride, h),
        Format::Grey => rows(&[r], w, stride, h),
        Format::Mjpeg => panic!("not raw"),
    }
}

fn layout(format: Format, width: u32, height: u32, stride: usize) -> Layout {
    Layout { format, width, height, stride: stride as u32, full: false, bt709: false }
}

#[test]
fn every_format_has_its_colours_at_odd_widths_in_portrait_and_with_wide_rows() {
    let mut reader = Reader::default();
    for format in RAW {
        for (width, height) in [(64, 48), (33, 17), (47, 64), (1, 1), (2, 3), (5, 100)] {
            for more in [0, 2, 30] {
                for (rgb, yuv) in KNOWN {
                    let stride = format.row(width) + more;
                    let bytes = filled(format, width, height, stride, [rgb, yuv]);
                    let told = if more == 0 { 0 } else { stride };
                    let got = reader.read(&layout(format, width, height, told), &bytes).unwrap();
                    assert_eq!(got.dimensions(), (width, height));
                    let want = if format == Format::Grey { [rgb[0]; 3] } else { rgb };
                    let off = got.pixels().flat_map(|p| p.0.into_iter().zip(want)).map(|(a, b)| a.abs_diff(b)).max();
                    assert!(
                        off <= Some(3),
                        "{format:?} {width}x{height} +{more}: {:?}, not {want:?}",
                        got.get_pixel(0, 0)
                    );
                    reader.give_back(got);
                }
            }
        }
    }
}

#[test]
fn rows_that_begin_at_multiples_of_four_untold_are_found_by_their_length() {
    let mut reader = Reader::default();
    for (width, height) in [(322_u32, 242_u32), (854, 480), (33, 17)] {
        for (format, light, half) in
            [(Format::I420, width, width.div_ceil(2)), (Format::Rgb, width * 3, 0), (Format::Nv12, width, 0)]
        {
            let (light, half) = (light.next_multiple_of(4) as usize, half.next_multiple_of(4) as usize);
            let mut bytes = filled(format, width, height, light, KNOWN[5].into());
            if format == Format::I420 {
                bytes.truncate(light * height as usize);
                let rows = half * height.div_ceil(2) as usize;
                bytes.extend(std::iter::repeat_n(107, rows).chain(std::iter::repeat_n(152, rows)));
            }
            let got = reader.read(&layout(format, width, height, 0), &bytes).unwrap();
            let off = got.pixels().flat_map(|p| p.0.into_iter().zip(KNOWN[5].0)).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(3), "{format:?} {width}x{height}");
        }
    }
}

#[test]
fn full_range_and_the_other_matrix_are_read_as_such() {
    let mut reader = Reader::default();
    let bytes = filled(Format::Yuyv, 8, 2, 16, [[0; 3], [235, 128, 128]]);
    let limited = reader.read(&layout(Format::Yuyv, 8, 2, 16), &bytes).unwrap();
    let full = reader.read(&Layout { full: true, ..layout(Format::Yuyv, 8, 2, 16) }, &bytes).unwrap();
    assert!(limited.get_pixel(0, 0).0[0] >= 253 && full.get_pixel(0, 0).0[0].abs_diff(235) <= 2);
    // Green after ITU-R BT.709-6, 3.3 to 3.5.
    let bytes = filled(Format::Yuyv, 8, 2, 16, [[0; 3], [173, 42, 26]]);
    let got = reader.read(&Layout { bt709: true, ..layout(Format::Yuyv, 8, 2, 16) }, &bytes).unwrap();
    let off = got.get_pixel(3, 1).0.into_iter().zip([0, 255, 0]).map(|(a, b): (u8, u8)| a.abs_diff(b)).max();
    assert!(off <= Some(3), "{:?}", got.get_pixel(3, 1));
}

#[test]
fn left_is_left_and_above_is_above() {
    // One pixel of light at the right end of the first row, one at the left end of the last.
    let mut bytes = vec![16; 6 * 4];
    (bytes[5], bytes[18]) = (235, 235);
    let got = Reader::default().read(&layout(Format::Grey, 6, 4, 0), &bytes).unwrap();
    assert_eq!((got.get_pixel(5, 0).0, got.get_pixel(0, 3).0, got.get_pixel(0, 0).0), ([235; 3], [235; 3], [16; 3]));
}

#[test]
fn a_short_buffer_or_a_mad_size_is_an_error() {
    let mut reader = Reader::default();
    for format in RAW {
        let bytes = filled(format, 64, 48, format.row(64), [[1, 2, 3], [16, 128, 128]]);
        let like = layout(format, 64, 48, 0);
        assert!(reader.read(&like, &bytes).is_ok());
        for cut in [0, 1, 100, bytes.len() - 1] {
            assert!(reader.read(&like, &bytes[..cut]).is_err(), "{format:?} of {cut} bytes");
        }
        for (width, height, stride) in
            [(0, 48, 0), (64, 0, 0), (u32::MAX, u32::MAX, 0), (64, 48, 1), (64, 48, u32::MAX)]
        {
            assert!(
                reader.read(&Layout { width, height, stride, ..like }, &bytes).is_err(),
                "{format:?} {width}x{height}"
            );
        }
    }
    assert!(reader.read(&layout(Format::Mjpeg, 64, 48, 0), &[0; 5000]).is_err());
}

#[test]
fn large_pictures_are_reduced_by_a_whole_number_to_the_mean() {
    let mut reader = Reader::default();
    for ((width, height), (w, h)) in [
        ((1920, 1080), (960, 540)),
        ((1080, 1920), (540, 960)),
        ((1281, 721), (640, 360)),
        ((2592, 1944), (864, 648)),
        ((4000, 2), (1000, 1)),
    ] {
        // Black and white columns in turn, and one row of grey in the picture's left half.
        let bytes = (0..width * height).map(|i| if i % width % 2 == 0 { 0 } else { 201 }).collect::<Vec<u8>>();
        let got = reader.read(&layout(Format::Grey, width, height, 0), &bytes).unwrap();
        assert_eq!(got.dimensions(), (w, h), "{width}x{height}");
        let mean = got.pixels().map(|p| f64::from(p.0[1])).sum::<f64>() / f64::from(w * h);
        assert!((mean - 100.5).abs() < 1.0, "{width}x{height}: {mean}");
        reader.give_back(got);
    }
}

#[test]
fn a_reduced_picture_has_its_parts_in_their_places() {
    let (width, height) = (1280, 1200);
    for by in [2u32, 3] {
        let (width, height) = (width * by / 2, height * by / 2);
        let bytes: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                [if i % width < width / 2 { 200 } else { 20 }, if i / width < height / 2 { 180 } else { 40 }, 90]
            })
            .collect();
        let got = Reader::default().read(&layout(Format::Rgb, width, height, 0), &bytes).unwrap();
        let at = |x: u32, y: u32| got.get_pixel(x * (got.width() - 1), y * (got.height() - 1)).0;
        assert_eq!(
            [at(0, 0), at(1, 0), at(0, 1), at(1, 1)],
            [[200, 180, 90], [20, 180, 90], [200, 40, 90], [20, 40, 90]]
        );
    }
}

/// Not a test: what a picture costs. `cargo test --release -- --ignored --nocapture what_a_picture_costs`.
#[test]
#[ignore = "measures"]
fn what_a_picture_costs() {
    use image::codecs::jpeg::JpegEncoder;
    let photo = |width: u32, height: u32| {
        let wave = |v: f64| (v.sin() * 100.0 + 128.0) as u8;
        let mut random = fastrand::Rng::with_seed(1);
        RgbImage::from_fn(width, height, |x, y| {
            let (x, y) = (f64::from(x) / f64::from(width) * 40.0, f64::from(y) / f64::from(height) * 30.0);
            image::Rgb([wave(x + (y * 0.7).sin()), wave(y), wave(x * 0.6 + y).saturating_add(random.u8(0..6))])
        })
    };
    let measure = |name: &str, layout: &Layout, bytes: &[u8]| {
        let (mut reader, count) = (Reader::default(), 100);
        let start = std::time::Instant::now();
        for _ in 0..count {
            let picture = reader.read(layout, bytes).unwrap();
            reader.give_back(picture);
        }
        println!("{name}: {:.2} ms, {} bytes", start.elapsed().as_secs_f64() * 1000.0 / f64::from(count), bytes.len());
    };
    for (width, height) in [(640, 480), (1280, 720), (1920, 1080)] {
        for format in RAW {
            let bytes = filled(format, width, height, format.row(width), [[9, 99, 200], [90, 100, 110]]);
            measure(&format!("{format:?} {width}x{height}"), &layout(format, width, height, 0), &bytes);
        }
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&photo(width, height)).unwrap();
        measure(&format!("MJPEG {width}x{height}"), &layout(Format::Mjpeg, width, height, 0), &bytes);
    }
}
