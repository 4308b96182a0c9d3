//! Variable-length integers for the tables that are looked up in signal handlers: reading neither
//! allocates nor panics.

/// Appends an unsigned number, seven bits per byte.
pub(crate) fn write_unsigned(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends a signed number, the sign in the lowest bit.
pub(crate) fn write_signed(bytes: &mut Vec<u8>, value: i64) {
    write_unsigned(bytes, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads what [`write_unsigned`] wrote, and moves on.
pub(crate) fn read_unsigned(bytes: &[u8], position: &mut usize) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = *bytes.get(*position)?;
        *position += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

/// Reads what [`write_signed`] wrote, and moves on.
pub(crate) fn read_signed(bytes: &[u8], position: &mut usize) -> Option<i64> {
    let value = read_unsigned(bytes, position)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Reads a little-endian number at a position.
pub(crate) fn read_u32(bytes: &[u8], position: usize) -> Option<u32> {
    let bytes = bytes.get(position..position.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let numbers = [0, 1, -1, 63, -64, 64, -65, 1 << 31, i64::MAX, i64::MIN];
        let mut bytes = Vec::new();
        for number in numbers {
            write_signed(&mut bytes, number);
            write_unsigned(&mut bytes, number as u64);
        }
        let mut position = 0;
        for number in numbers {
            assert_eq!(read_signed(&bytes, &mut position), Some(number));
            assert_eq!(read_unsigned(&bytes, &mut position), Some(number as u64));
        }
        assert_eq!(position, bytes.len());
        assert_eq!(read_unsigned(&bytes, &mut position), None);
        assert_eq!(read_unsigned(&[0x80; 20], &mut 0), None);
    }
}
