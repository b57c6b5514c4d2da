//! How values are laid down in columns.

use std::hash::Hasher as _;

use model::Timestamp;
use model::fingerprint::Fingerprint;
use serde::Serialize;
use serde::de::DeserializeOwned;
use siphasher::sip::SipHasher13;
use store::Exported;

use crate::error::{Done, corrupt};

/// A moment as microseconds since 1970.
pub(crate) fn micros(moment: Timestamp) -> i64 {
    moment.as_microsecond()
}

/// The moment of microseconds since 1970.
pub(crate) fn moment(micros: i64) -> Done<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| corrupt("a moment", &error))
}

/// A limit as SQL takes it.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A count as SQL gives it.
pub(crate) fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// A hash of an anchor by which rows are found; what was found is compared. Never zero. It stands in rows: it cannot
/// change.
pub(crate) fn anchor_hash(anchor: &str) -> u32 {
    let mut hasher = SipHasher13::new();
    hasher.write(anchor.as_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the hash")]
    let hash = hasher.finish() as u32;
    hash.max(1)
}

/// A value as JSON text.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Done<String> {
    serde_json::to_string(value).map_err(|error| corrupt("a value to be written", &error))
}

/// The value of a JSON text.
pub(crate) fn from_text<T: DeserializeOwned>(what: &str, text: &str) -> Done<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    // Whatever is here was limited when it came in, and what could be written must be readable.
    reader.disable_recursion_limit();
    T::deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| corrupt(what, &error))
}

/// What was last exported, as octets: the number of attributes (2), a bit for each that says whether the target shows
/// another value, then for each its name's hash (4), what was computed (8) and, where it differs, what is shown (8).
pub(crate) fn exported_to_blob(exported: &[Exported]) -> Done<Option<Vec<u8>>> {
    if exported.is_empty() {
        return Ok(None);
    }
    let number = u16::try_from(exported.len())
        .map_err(|_| corrupt("a link", "more than 65,535 exported attributes"))?;
    let mut octets = Vec::with_capacity(2 + exported.len() / 8 + 1 + exported.len() * 12);
    octets.extend(number.to_le_bytes());
    for group in exported.chunks(8) {
        let bits = group
            .iter()
            .enumerate()
            .filter(|(_, one)| one.shown != one.computed)
            .fold(0u8, |bits, (position, _)| bits | (1 << position));
        octets.push(bits);
    }
    for one in exported {
        octets.extend(one.attribute.to_le_bytes());
        octets.extend(one.computed.0.to_le_bytes());
        if one.shown != one.computed {
            octets.extend(one.shown.0.to_le_bytes());
        }
    }
    Ok(Some(octets))
}

/// The inverse of [`exported_to_blob`].
pub(crate) fn exported_from_blob(octets: Option<&[u8]>) -> Done<Vec<Exported>> {
    let Some(octets) = octets else { return Ok(Vec::new()) };
    parse_exported(octets).ok_or_else(|| corrupt("a link", "the exported attributes are cut short"))
}

fn parse_exported(mut octets: &[u8]) -> Option<Vec<Exported>> {
    fn take<const N: usize>(octets: &mut &[u8]) -> Option<[u8; N]> {
        let (head, tail) = octets.split_first_chunk::<N>()?;
        *octets = tail;
        Some(*head)
    }
    let number = usize::from(u16::from_le_bytes(take(&mut octets)?));
    let (bits, tail) = octets.split_at_checked(number.div_ceil(8))?;
    octets = tail;
    let mut exported = Vec::with_capacity(number);
    for position in 0..number {
        let attribute = u32::from_le_bytes(take(&mut octets)?);
        let computed = Fingerprint(u64::from_le_bytes(take(&mut octets)?));
        let differs = bits.get(position / 8)? & (1 << (position % 8)) != 0;
        let shown = if differs { Fingerprint(u64::from_le_bytes(take(&mut octets)?)) } else { computed };
        exported.push(Exported { attribute, computed, shown });
    }
    octets.is_empty().then_some(exported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_attributes_come_back_and_cost_12_octets_where_the_target_shows_what_was_computed() {
        let exported: Vec<_> = (0..19u64)
            .map(|number| Exported {
                attribute: u32::try_from(number).unwrap() * 7,
                computed: Fingerprint(number << 40),
                shown: Fingerprint(if number % 5 == 0 { number << 40 | 1 } else { number << 40 }),
            })
            .collect();
        let blob = exported_to_blob(&exported).unwrap().unwrap();
        assert_eq!(blob.len(), 2 + 3 + 19 * 12 + 4 * 8);
        assert_eq!(exported_from_blob(Some(&blob)).unwrap(), exported);
        assert!(exported_from_blob(blob.get(..blob.len() - 1)).is_err());
        assert_eq!(exported_to_blob(&[]).unwrap(), None);
    }
}
