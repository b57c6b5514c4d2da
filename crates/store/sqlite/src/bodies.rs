//! Bodies of log records, kept some together and compressed: neighbours say much the same.
//!
//! A block begins with the number of its form, so that a later form can stand beside this one: here LZ4 (block format,
//! its length before it) of the bodies one after another, each with its length (4 octets, low first) before it.

use model::provisioning::ProvisioningRecord;

use crate::error::{Done, corrupt};
use crate::record;
use crate::session::Session;

const WHAT: &str = "bodies of the provisioning log";

/// The form that is written now.
const FORM: u8 = 1;

/// Bodies that are kept together: more would be smaller, and slower to read one of.
const TOGETHER: usize = 32;

/// The most that a block is unpacked to. Bodies are far smaller; a damaged length must not take all memory.
const LARGEST: u32 = 1 << 28;

/// Packs the bodies of records, a block for each [`TOGETHER`] of them.
pub(crate) fn pack(records: &[ProvisioningRecord]) -> Done<Vec<Vec<u8>>> {
    let mut plain = Vec::new();
    records
        .chunks(TOGETHER)
        .map(|records| {
            plain.clear();
            for record in records {
                let start = plain.len();
                plain.extend([0; 4]);
                record::write_body(record, &mut plain)?;
                let length = u32::try_from(plain.len() - start - 4)
                    .map_err(|_| corrupt("a record to be written", "it is larger than 4 GB"))?;
                if let Some(place) = plain.get_mut(start..start + 4) {
                    place.copy_from_slice(&length.to_le_bytes());
                }
            }
            let mut block = vec![FORM];
            block.append(&mut lz4_flex::block::compress_prepend_size(&plain));
            Ok(block)
        })
        .collect()
}

/// Writes the blocks of records that are numbered from `first` on.
pub(crate) fn append(session: &Session<'_>, first: i64, blocks: &[Vec<u8>]) -> Done<()> {
    for (first, block) in (first..).step_by(TOGETHER).zip(blocks) {
        session.run("INSERT INTO provisioning_bodies (first, bodies) VALUES (?1, ?2)", (first, block))?;
    }
    Ok(())
}

/// Removes the blocks of which no record is left. Records go about in the order of their numbers, so a block that is
/// kept for one of its records is not kept for long.
pub(crate) fn prune(session: &Session<'_>) -> Done<()> {
    session.run(
        "DELETE FROM provisioning_bodies WHERE first < coalesce(
             (SELECT max(first) FROM provisioning_bodies WHERE first <= (SELECT min(number) FROM provisioning)),
             (SELECT min(number) FROM provisioning), 9223372036854775807)",
        [],
    )?;
    Ok(())
}

/// Bodies as they are read: the block that was unpacked last is kept, since neighbours are mostly read together.
pub(crate) struct Bodies<'s, 'c> {
    session: &'s Session<'c>,
    first: i64,
    plain: Vec<u8>,
    places: Vec<std::ops::Range<usize>>,
}

impl<'s, 'c> Bodies<'s, 'c> {
    pub(crate) fn new(session: &'s Session<'c>) -> Self {
        Self { session, first: 0, plain: Vec::new(), places: Vec::new() }
    }

    /// The body of a record.
    pub(crate) fn of(&mut self, number: i64) -> Done<&[u8]> {
        if self.place(number).is_none() {
            self.load(number)?;
        }
        let body = self.place(number).and_then(|place| self.plain.get(place));
        body.ok_or_else(|| corrupt(WHAT, &format!("that of record {number} is missing")))
    }

    fn place(&self, number: i64) -> Option<std::ops::Range<usize>> {
        let position = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.places.get(position).cloned()
    }

    fn load(&mut self, number: i64) -> Done<()> {
        let found = self.session.first(
            "SELECT first, bodies FROM provisioning_bodies WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
            [number],
            |row| Ok((row.get(0)?, unpack(row.get_ref(1)?.as_blob()?)?)),
        )?;
        let (first, plain) = found.unwrap_or_default();
        (self.first, self.places, self.plain) = (first, places(&plain)?, plain);
        Ok(())
    }
}

fn unpack(block: &[u8]) -> Done<Vec<u8>> {
    let Some((&FORM, packed)) = block.split_first() else {
        return Err(corrupt(WHAT, "their form is unknown"));
    };
    let length = packed.first_chunk::<4>().map_or(u32::MAX, |length| u32::from_le_bytes(*length));
    if length > LARGEST {
        return Err(corrupt(WHAT, "their length is beyond all measure"));
    }
    lz4_flex::block::decompress_size_prepended(packed).map_err(|error| corrupt(WHAT, &error))
}

fn places(plain: &[u8]) -> Done<Vec<std::ops::Range<usize>>> {
    let mut places = Vec::with_capacity(TOGETHER);
    let mut start = 0;
    while let Some((length, rest)) = plain.get(start..).and_then(<[u8]>::split_first_chunk::<4>) {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > rest.len() {
            return Err(corrupt(WHAT, "one is cut short"));
        }
        places.push(start + 4..start + 4 + length);
        start += 4 + length;
    }
    Ok(places)
}
