//! What the server paints, decoded by `ironrdp-session`: bitmaps and surface commands on the fast
//! path (MS-RDPBCGR 2.2.9.1.2), bitmaps on the slow one (2.2.9.1.1.3).

use std::io;

use ironrdp_core::WriteBuf;
use ironrdp_graphics::image_processing::PixelFormat;
use ironrdp_pdu::bitmap::BitmapUpdateData;
use ironrdp_session::fast_path::{Processor, ProcessorBuilder, UpdateKind};
use ironrdp_session::image::DecodedImage;
use rdpdoctor_wire::encode::session::Channels;
use rdpdoctor_wire::graphics_update;

/// Larger desktops than we ask for are none of ours.
const LARGEST_SIDE: u16 = 8192;

/// A desktop that is being painted.
pub(crate) struct Canvas {
    processor: Processor,
    image: DecodedImage,
    painted: Vec<bool>,
    /// How many of them are.
    count: usize,
    pub(crate) updates: u32,
}

impl Canvas {
    /// An unpainted one; `None` where the server's size is none that was asked for.
    pub(crate) fn new(
        channels: Channels,
        share_id: u32,
        [width, height]: [u16; 2],
    ) -> Option<Self> {
        let sides = 1..=LARGEST_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) {
            return None;
        }
        let processor = ProcessorBuilder {
            io_channel_id: channels.io,
            user_channel_id: channels.user,
            share_id,
            enable_server_pointer: false,
            pointer_software_rendering: false,
        };
        Some(Self {
            processor: processor.build(),
            image: DecodedImage::new(PixelFormat::RgbA32, width, height),
            painted: vec![false; usize::from(width) * usize::from(height)],
            count: 0,
            updates: 0,
        })
    }

    /// Paints what a PDU holds, on whichever path; whether it painted anything. What cannot be
    /// decoded paints nothing.
    pub(crate) fn paint(&mut self, pdu: &[u8]) -> bool {
        let done = if pdu.first() == Some(&3) {
            let Some(update) = graphics_update(pdu) else { return false };
            let Ok(bitmaps) = ironrdp_core::decode::<BitmapUpdateData<'_>>(update) else {
                return false;
            };
            self.processor.process_bitmap_update(&mut self.image, bitmaps)
        } else {
            let mut replies = WriteBuf::new();
            self.processor.process(&mut self.image, pdu, &mut replies, &mut None)
        };
        let mut any = false;
        for update in done.unwrap_or_default() {
            let UpdateKind::Region(region) = update else { continue };
            any = true;
            self.updates = self.updates.saturating_add(1);
            let width = usize::from(self.image.width());
            let right = usize::from(region.right).min(width - 1);
            let bottom = region.bottom.min(self.image.height() - 1);
            for row in region.top..=bottom {
                let row = usize::from(row) * width;
                let (from, to) = (row + usize::from(region.left), row + right);
                if let Some(pixels) = self.painted.get_mut(from..=to) {
                    self.count += pixels.iter().filter(|painted| !**painted).count();
                    pixels.fill(true);
                }
            }
        }
        any
    }

    pub(crate) fn size(&self) -> [u16; 2] {
        [self.image.width(), self.image.height()]
    }

    /// How many pixels in a hundred were painted, rounded down.
    pub(crate) fn painted_percent(&self) -> u8 {
        u8::try_from(self.count * 100 / self.painted.len().max(1)).unwrap_or(100)
    }

    /// Whether all that was painted has one colour.
    pub(crate) fn blank(&self) -> bool {
        let pixels = self.image.data().chunks_exact(4).zip(&self.painted);
        let mut colours = pixels.filter(|(_, painted)| **painted).map(|(pixel, _)| &pixel[..3]);
        let first = colours.next();
        colours.all(|colour| Some(colour) == first)
    }

    /// The picture as PNG.
    pub(crate) fn png(&self) -> io::Result<Vec<u8>> {
        let [width, height] = self.size();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width.into(), height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let rgb: Vec<u8> = self
            .image
            .data()
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rgb)?;
        writer.finish()?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: Channels = Channels { user: 1007, io: 1003 };

    #[test]
    fn nothing_painted_is_blank_and_garbage_paints_nothing() {
        let mut canvas = Canvas::new(CHANNELS, 1, [64, 32]).expect("a size");
        assert!(!canvas.paint(&[0, 5, 1, 2, 3]));
        assert_eq!((canvas.painted_percent(), canvas.blank(), canvas.updates), (0, true, 0));
        assert!(canvas.png().expect("encodes").starts_with(b"\x89PNG"));
        assert!(Canvas::new(CHANNELS, 1, [0, 32]).is_none());
        assert!(Canvas::new(CHANNELS, 1, [9000, 32]).is_none());
    }
}
