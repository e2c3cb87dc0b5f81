//! The person with nothing behind, for outlets that know transparency.

use super::{Backdrop, Frame, Renderer, Size};
use crate::avatar::Avatar;
use crate::face::Face;
use anyhow::Result;

/// What is written where nobody is: no viewer shows it, but it carries the invisible mark.
const NOBODY: u8 = 128;

/// Draws one avatar, cut out.
///
/// It is drawn before black and before white: what shows through of the ground is the difference of the two (A. R. Smith and J. F.
/// Blinn, "Blue Screen Matting", SIGGRAPH 1996, triangulation). So every soft edge is as transparent as it is drawn.
pub struct Cutout {
    on_black: Renderer,
    on_white: Renderer,
    white: Frame,
}

impl Cutout {
    /// # Errors
    /// As [`Renderer::new`].
    pub fn new(mut avatar: Avatar, size: Size) -> Result<Self> {
        Backdrop::Colour([0; 3]).put_behind(&mut avatar);
        let on_black = Renderer::new(&avatar, size)?;
        Backdrop::Colour([255; 3]).put_behind(&mut avatar);
        let on_white = on_black.device().renderer(&avatar, size)?;
        Ok(Self { on_black, on_white, white: Frame::new(size) })
    }

    /// Draws `face` into `into`: R G B not multiplied by A; A is 0 where nobody is.
    ///
    /// # Errors
    /// As [`Renderer::draw`].
    pub fn draw(&mut self, face: &Face, into: &mut Frame) -> Result<()> {
        self.on_black.draw(face, into)?;
        self.on_white.draw(face, &mut self.white)?;
        for (black, white) in into.rgba.as_chunks_mut::<4>().0.iter_mut().zip(self.white.rgba.as_chunks::<4>().0) {
            *black = cut(*black, *white);
        }
        Ok(())
    }
}

/// One pixel before black and before white becomes one with transparency.
fn cut(black: [u8; 4], white: [u8; 4]) -> [u8; 4] {
    let through: u32 = black.iter().zip(white).take(3).map(|(b, w)| u32::from(w.saturating_sub(*b))).sum();
    let alpha = 255 - (through + 1) / 3;
    if alpha == 0 {
        return [NOBODY, NOBODY, NOBODY, 0];
    }
    let own = |c: u8| ((u32::from(c) * 255 + alpha / 2) / alpha).min(255) as u8;
    let [r, g, b, _] = black;
    [own(r), own(g), own(b), alpha as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_out_and_laid_on_black_and_white_is_what_was_drawn() {
        for alpha in [0u32, 1, 64, 128, 200, 254, 255] {
            for colour in [0u32, 30, 128, 255] {
                let over = |ground: u32| ((colour * alpha + ground * (255 - alpha) + 127) / 255) as u8;
                let [r, _, _, a] = cut([over(0), over(0), over(0), 255], [over(255), over(255), over(255), 255]);
                assert!(u32::from(a).abs_diff(alpha) <= 1, "{alpha}: {a}");
                let back = (u32::from(r) * u32::from(a) + 127) / 255;
                assert!(back.abs_diff(u32::from(over(0))) <= 1 || a == 0, "{alpha} {colour}: {back}");
            }
        }
    }
}
