//! What a session paints: a gradient in tiles over the whole desktop, so that it is not blank.

use std::io;

use ironrdp_core::encode_vec;
use ironrdp_pdu::bitmap::{BitmapData, BitmapUpdateData, Compression};
use ironrdp_pdu::fast_path::{
    EncryptionFlags, FastPathHeader, FastPathUpdatePdu, Fragmentation, UpdateCode,
};
use ironrdp_pdu::geometry::InclusiveRectangle;

/// The desktop; both are multiples of a tile's size.
pub(crate) const WIDTH: u16 = 1024;
pub(crate) const HEIGHT: u16 = 768;

/// A tile's side. With 24 bits a pixel it stays below the 16383 bytes of an update that is not in
/// fragments (MS-RDPBCGR 2.2.7.2.6).
const TILE: u16 = 64;

/// The whole desktop, each tile in a fast-path update of its own (MS-RDPBCGR 2.2.9.1.2.1.2): 24 bits
/// a pixel, uncompressed.
pub(crate) fn tiles() -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let rows = (0..HEIGHT).step_by(TILE.into());
    rows.flat_map(|top| {
        let columns = (0..WIDTH).step_by(TILE.into());
        columns.map(move |left| tile(left, top))
    })
}

fn tile(left: u16, top: u16) -> io::Result<Vec<u8>> {
    let (right, bottom) = (left + TILE - 1, top + TILE - 1);
    // Rows come bottom-up, pixels as blue, green, red.
    let rows = (top..=bottom).rev();
    let pixels: Vec<u8> =
        rows.flat_map(|y| (left..=right).flat_map(move |x| pixel(x, y))).collect();
    let update = BitmapUpdateData {
        rectangles: vec![BitmapData {
            rectangle: InclusiveRectangle { left, top, right, bottom },
            width: TILE,
            height: TILE,
            bits_per_pixel: 24,
            compression_flags: Compression::empty(),
            compressed_data_header: None,
            bitmap_data: &pixels,
        }],
    };
    let update = encode_vec(&update).map_err(io::Error::other)?;
    let update = encode_vec(&FastPathUpdatePdu {
        fragmentation: Fragmentation::Single,
        update_code: UpdateCode::Bitmap,
        compression_flags: None,
        compression_type: None,
        data: &update,
    });
    let update = update.map_err(io::Error::other)?;
    let header = FastPathHeader::new(EncryptionFlags::empty(), update.len());
    let header = encode_vec(&header).map_err(io::Error::other)?;
    Ok([header, update].concat())
}

/// Red grows to the right, green to the bottom.
fn pixel(x: u16, y: u16) -> [u8; 3] {
    let [red, _] = (x / 4).to_le_bytes();
    let [green, _] = (y / 3).to_le_bytes();
    [0x60, green, red]
}

#[cfg(test)]
mod tests {
    use ironrdp_core::{ReadCursor, decode_cursor};

    use super::*;

    #[test]
    fn the_tiles_cover_the_desktop_once_and_decode() {
        let mut painted = vec![0u8; usize::from(WIDTH) * usize::from(HEIGHT)];
        for bytes in tiles() {
            let bytes = bytes.expect("encodes");
            let mut cursor = ReadCursor::new(&bytes);
            let header: FastPathHeader = decode_cursor(&mut cursor).expect("a header");
            assert_eq!(header.data_length, cursor.len());
            let update: FastPathUpdatePdu<'_> = decode_cursor(&mut cursor).expect("an update");
            let update: BitmapUpdateData<'_> = ironrdp_core::decode(update.data).expect("a bitmap");
            let bitmap = &update.rectangles[0];
            let corner = [bitmap.rectangle.left, bitmap.rectangle.bottom];
            assert_eq!(bitmap.bitmap_data[..3], pixel(corner[0], corner[1]));
            for y in bitmap.rectangle.top..=bitmap.rectangle.bottom {
                for x in bitmap.rectangle.left..=bitmap.rectangle.right {
                    painted[usize::from(y) * usize::from(WIDTH) + usize::from(x)] += 1;
                }
            }
        }
        assert!(painted.iter().all(|&times| times == 1));
    }
}
