//! Texts as Windows takes and gives them, and what its errors stand for.

use rdpdoctor_model::Lookup;

/// Longest text that is taken over, in units of UTF-16.
const LONGEST: usize = 32_768;

/// ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND.
pub(super) const NOT_FOUND: [u32; 2] = [2, 3];

/// ERROR_ACCESS_DENIED, ERROR_PRIVILEGE_NOT_HELD.
const DENIED: [u32; 2] = [5, 1314];

/// ERROR_CALL_NOT_IMPLEMENTED, ERROR_NOT_SUPPORTED, ERROR_INVALID_FUNCTION.
const UNKNOWN_HERE: [u32; 3] = [120, 50, 1];

/// For a parameter that takes UTF-16 with a zero behind it.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().take_while(|unit| *unit != 0).chain([0]).collect()
}

/// Of units that a zero ends, if not all of them count.
pub(super) fn until_zero(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(units.get(..end).unwrap_or_default())
}

/// The text that a pointer of Windows leads to; empty where it leads nowhere.
///
/// # Safety
/// It is null, or a zero ends what it leads to.
#[expect(unsafe_code, reason = "structures of Windows hold their texts as pointers")]
pub(super) unsafe fn at(pointer: *const u16) -> String {
    if pointer.is_null() {
        return String::new();
    }
    let mut units = Vec::new();
    for index in 0..LONGEST {
        // SAFETY: no zero was before it, so that it still belongs to the text.
        match unsafe { *pointer.add(index) } {
            0 => break,
            unit => units.push(unit),
        }
    }
    String::from_utf16_lossy(&units)
}

/// What the last call failed by.
pub(super) fn last_error() -> u32 {
    number(&std::io::Error::last_os_error())
}

/// The number of an error of Windows.
pub(super) fn number(error: &std::io::Error) -> u32 {
    error.raw_os_error().map_or(0, i32::cast_unsigned)
}

/// The number of an error of COM's kind, where it is one of Windows (HRESULT_FROM_WIN32).
pub(super) fn number_in(hresult: i32) -> u32 {
    let bits = hresult.cast_unsigned();
    if bits >> 16 == 0x8007 { bits & 0xFFFF } else { bits }
}

/// Why something could not be looked at, or done.
pub(super) fn why(number: u32) -> String {
    match number {
        _ if DENIED.contains(&number) => {
            "access denied; it takes the rights of an administrator".to_owned()
        }
        _ if UNKNOWN_HERE.contains(&number) => "this Windows does not tell".to_owned(),
        _ => std::io::Error::from_raw_os_error(number.cast_signed()).to_string(),
    }
}

/// That something could not be looked at.
pub(super) fn could_not<T>(number: u32) -> Lookup<T> {
    Lookup::unavailable(why(number))
}

/// An error of a call whose subject may not be there.
pub(super) fn absent_or<T>(number: u32, absent: &[u32]) -> Lookup<T> {
    if absent.contains(&number) { Lookup::Absent } else { could_not(number) }
}
