//! Numbers in bytes, and bytes in hexadecimal digits.

/// How a number stands in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// So many bytes, the highest first, as on the network.
    Big(usize),
    /// So many bytes, the lowest first.
    Little(usize),
    /// As many as it takes, seven bits in each, the lowest first; all but the last have the highest bit set.
    Varint,
}

/// Every width, by its name.
const WIDTHS: [(&str, Width); 8] = [
    ("u8", Width::Big(1)),
    ("u16", Width::Big(2)),
    ("u32", Width::Big(4)),
    ("u64", Width::Big(8)),
    ("u16le", Width::Little(2)),
    ("u32le", Width::Little(4)),
    ("u64le", Width::Little(8)),
    ("varint", Width::Varint),
];

/// Bits of a number in a byte of a varint, and the bit that says that there is another.
const GROUP: u32 = 7;
const MORE: u8 = 0x80;

impl Width {
    /// The width called `name`.
    ///
    /// # Errors
    /// What there is instead.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let known = WIDTHS.iter().find(|(known, _)| *known == name);
        let names = || WIDTHS.map(|(name, _)| name).join(", ");
        known.map(|(_, width)| *width).ok_or_else(|| format!("{name:?} is no width; there are: {}", names()))
    }

    /// How many bytes `number` takes.
    pub(super) fn len(self, number: u64) -> usize {
        match self {
            Self::Big(bytes) | Self::Little(bytes) => bytes,
            Self::Varint => (u64::BITS - number.leading_zeros()).div_ceil(GROUP).max(1) as usize,
        }
    }

    /// The number that `bytes` begin with, and how many of them it takes.
    pub(super) fn read(self, bytes: &[u8]) -> Option<(u64, usize)> {
        let put = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            Self::Big(width) => Some((bytes.get(..width)?.iter().fold(0, put), width)),
            Self::Little(width) => Some((bytes.get(..width)?.iter().rev().fold(0, put), width)),
            Self::Varint => {
                let last = bytes.iter().position(|byte| byte & MORE == 0)?;
                let mut groups = bytes[..=last].iter().rev();
                let number = groups
                    .try_fold(0_u64, |number, byte| Some(number.checked_mul(1 << GROUP)? | u64::from(byte & !MORE)));
                Some((number?, last + 1))
            }
        }
    }

    /// Appends `number`, if it fits.
    pub(super) fn write(self, number: u64, out: &mut Vec<u8>) -> Option<()> {
        let bytes = number.to_le_bytes();
        match self {
            Self::Big(width) | Self::Little(width) => {
                let (own, spare) = bytes.split_at(width);
                if spare.iter().any(|byte| *byte != 0) {
                    return None;
                }
                match self {
                    Self::Big(_) => out.extend(own.iter().rev()),
                    Self::Little(_) | Self::Varint => out.extend_from_slice(own),
                }
            }
            Self::Varint => {
                let mut rest = number;
                while rest >= u64::from(MORE) {
                    out.push(rest as u8 | MORE);
                    rest >>= GROUP;
                }
                out.push(rest as u8);
            }
        }
        Some(())
    }
}

/// Bytes written as hexadecimal digits, with blanks wherever one likes.
///
/// # Errors
/// What is wrong with them.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let value = |digit: &char| digit.to_digit(16).map(|value| value as u8);
    if let Some(other) = digits.iter().find(|digit| value(digit).is_none()) {
        return Err(format!("must be hexadecimal digits, two for a byte; {other:?} is none"));
    }
    if digits.len() % 2 == 1 {
        return Err(format!("must have two hexadecimal digits for each byte; {:?} is half of one", text.trim()));
    }
    let values: Vec<u8> = digits.iter().filter_map(value).collect();
    Ok(values.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_number_that_fits_comes_back(number in any::<u64>(), shift in 0_u32..64, at in 0..WIDTHS.len()) {
            let ((_, width), number) = (WIDTHS[at], number >> shift);
            let mut out = Vec::new();
            let fits = match width {
                Width::Big(bytes) | Width::Little(bytes) => bytes == 8 || number >> (8 * bytes) == 0,
                Width::Varint => true,
            };
            prop_assert_eq!(width.write(number, &mut out).is_some(), fits);
            if fits {
                prop_assert_eq!(out.len(), width.len(number));
                out.push(0xff);
                prop_assert_eq!(width.read(&out), Some((number, out.len() - 1)));
            }
        }

        #[test]
        fn noise_is_a_number_or_none(noise in any::<Vec<u8>>(), at in 0..WIDTHS.len()) {
            let read = WIDTHS[at].1.read(&noise);
            prop_assert_eq!(read.is_none_or(|(_, taken)| taken <= noise.len()), true);
        }
    }

    #[test]
    fn a_varint_is_written_as_mqtt_writes_it() {
        for (number, bytes) in [(0, &[0][..]), (127, &[0x7f]), (128, &[0x80, 1]), (16_384, &[0x80, 0x80, 1])] {
            let mut out = Vec::new();
            Width::Varint.write(number, &mut out).unwrap();
            assert_eq!(out, bytes, "{number}");
        }
        assert_eq!(Width::Varint.read(&[0x80, 0x80]), None, "it does not end");
        assert_eq!(Width::Varint.read(&[0xff; 10]), None);
    }

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(hex("00 fF\n0 a"), Ok(vec![0, 255, 10]));
        assert_eq!(hex(""), Ok(Vec::new()));
        assert!(hex("abc").is_err() && hex("zz").is_err());
    }
}
