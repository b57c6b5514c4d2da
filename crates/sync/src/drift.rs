//! Drift: whether an account still shows what was exported.

use model::fingerprint::Fingerprinter;
use model::link::Link;
use model::schema::Mutability;
use model::{Name, Object};

use crate::flow::UNTOLD;
use crate::program::Mapping;

/// The attributes of an account that show something else than after the last export. Whether the job would set them
/// again, a decision says.
#[must_use]
pub fn drifted<'m>(
    mapping: &'m Mapping,
    link: &Link,
    account: &Object,
    fingerprints: Fingerprinter,
) -> Vec<&'m Name> {
    let readable = mapping.flows.iter().filter(|flow| flow.mutability != Mutability::WriteOnly);
    readable
        .filter(|flow| {
            let name = fingerprints.name(&flow.attribute);
            let last = link.exported.iter().find(|one| one.attribute == name);
            last.is_some_and(|last| {
                last.shown != UNTOLD
                    && last.shown != fingerprints.of(account.get(&flow.attribute), flow.case_exact)
            })
        })
        .map(|flow| &flow.attribute)
        .collect()
}
