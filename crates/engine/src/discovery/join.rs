//! Whose account is whose: accounts and source objects joined in memory.
//!
//! Both stand here as numbers and hashes alone, some forty octets each, so that a million of them are no trouble. The
//! hashes have 64 bits under a key that this process drew: that two of the values of a million people are mistaken for one
//! happens in one report of ten million.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use model::{Name, Value};

/// Makes hashes of what accounts are found by.
#[derive(Default)]
pub(super) struct Hashes(RandomState);

impl Hashes {
    pub(super) fn of_anchor(&self, kind: &Name, anchor: &str) -> u64 {
        self.0.hash_one((kind.as_str(), anchor))
    }

    /// Of a value as it compares.
    pub(super) fn of_value(&self, kind: &Name, attribute: &Name, value: &Value, case_exact: bool) -> u64 {
        self.0.hash_one((kind.as_str(), attribute.as_str(), case_exact, sync::fold(value, case_exact)))
    }
}

/// The accounts as they are listed.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    count: u32,
    /// Hashes by which accounts are found, with their numbers.
    hashes: Vec<(u64, u32)>,
}

impl Accounts {
    /// Numbers an account that is found by its anchor and by values.
    pub(super) fn add(&mut self, hashes: impl IntoIterator<Item = u64>) -> u32 {
        let number = self.count;
        self.hashes.extend(hashes.into_iter().map(|hash| (hash, number)));
        self.count = self.count.saturating_add(1);
        number
    }
}

/// What the account of a source object is known by.
#[derive(Debug)]
struct Candidate {
    /// The object itself: a source may tell of one twice, and several rules may.
    object: u64,
    /// Where its hashes begin: that of the anchor of its link, where it has one, then those of its keys.
    begin: usize,
    linked: bool,
    assigned: bool,
}

/// The source objects as they are read.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    all: Vec<Candidate>,
    hashes: Vec<u64>,
}

impl Candidates {
    /// Numbers an object, with the account that it is linked to and its keys by rising priority.
    pub(super) fn add(
        &mut self,
        object: u64,
        link: Option<u64>,
        keys: impl IntoIterator<Item = u64>,
        assigned: bool,
    ) -> u32 {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(Candidate { object, begin: self.hashes.len(), linked: link.is_some(), assigned });
        self.hashes.extend(link.into_iter().chain(keys));
        number
    }

    /// The hashes of a candidate: of its link, and of its keys.
    fn hashes_of(&self, number: usize) -> (Option<u64>, &[u64]) {
        let Some(candidate) = self.all.get(number) else { return (None, &[]) };
        let end = self.all.get(number + 1).map_or(self.hashes.len(), |next| next.begin);
        match self.hashes.get(candidate.begin..end).unwrap_or_default() {
            [link, keys @ ..] if candidate.linked => (Some(*link), keys),
            keys => (None, keys),
        }
    }

    fn is_same(&self, one: u32, other: u32) -> bool {
        let object = |number| self.all.get(usize::try_from(number).ok()?).map(|one| one.object);
        object(one) == object(other)
    }
}

/// An object says that an account is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) object: u32,
    /// Which of the object's keys the account matches; none where the job remembers the account.
    pub(super) key: Option<u16>,
}

impl Claim {
    fn by_link(self) -> bool {
        self.key.is_none()
    }
}

/// What is known of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// No object matches it.
    #[default]
    Local,
    /// It is an object's.
    Owned { by: Claim, assigned: bool },
    /// Another object has a claim that is as good.
    Contested { by: Claim, and: u32 },
    /// What an object matches by matches several accounts.
    Ambiguous { by: Claim },
}

impl Standing {
    /// The claim on it; where there are several, the first.
    pub(super) fn claim(&self) -> Option<Claim> {
        match self {
            Self::Local => None,
            Self::Owned { by, .. } | Self::Contested { by, .. } | Self::Ambiguous { by } => Some(*by),
        }
    }

    /// A further claim. Links outweigh what matches; of two claims of equal weight by different objects neither holds.
    fn claimed(self, by: Claim, assigned: bool, is_same: impl Fn(u32, u32) -> bool) -> Self {
        let Some(held) = self.claim() else { return Self::Owned { by, assigned } };
        match self {
            _ if by.by_link() && !held.by_link() => Self::Owned { by, assigned },
            _ if held.by_link() && !by.by_link() => self,
            // Another rule says so of the same object.
            Self::Owned { assigned: before, .. } if is_same(held.object, by.object) => {
                Self::Owned { by, assigned: assigned || before }
            }
            Self::Owned { .. } => Self::Contested { by: held, and: by.object },
            _ => self,
        }
    }

    /// What an object matches by matches several accounts, of which this is one. A link says more.
    fn doubted(self, by: Claim) -> Self {
        match self.claim() {
            Some(held) if held.by_link() => self,
            _ => Self::Ambiguous { by },
        }
    }
}

/// What is known of every account.
#[derive(Debug)]
pub(super) struct Joined {
    /// By the account's number.
    pub(super) standings: Vec<Standing>,
    hashes: Vec<(u64, u32)>,
    candidates: Candidates,
}

impl Joined {
    /// Gives every account to the objects that claim it, which come in the order in which they were read.
    pub(super) fn new(accounts: Accounts, candidates: Candidates) -> Self {
        let Accounts { count, mut hashes } = accounts;
        hashes.sort_unstable();
        // An account may have the same value twice.
        hashes.dedup();
        let standings = vec![Standing::Local; usize::try_from(count).unwrap_or(usize::MAX)];
        let mut joined = Self { standings, hashes, candidates };
        let mut doubted = HashSet::new();
        for number in 0..joined.candidates.all.len() {
            joined.decide(number, &mut doubted);
        }
        joined
    }

    fn decide(&mut self, number: usize, doubted: &mut HashSet<u64>) {
        let Self { standings, hashes, candidates } = self;
        let Some(assigned) = candidates.all.get(number).map(|candidate| candidate.assigned) else { return };
        let object = u32::try_from(number).unwrap_or(u32::MAX);
        let (link, keys) = candidates.hashes_of(number);
        let keys = (0..).zip(keys).map(|(key, hash)| (Some(key), *hash));
        let mut sought = link.map(|link| (None, link)).into_iter().chain(keys);
        let found = sought.find_map(|(key, hash)| match having(hashes, hash) {
            [] => None,
            found => Some((Claim { object, key }, hash, found)),
        });
        let Some((by, hash, found)) = found else { return };
        let mut change = |account: u32, next: &dyn Fn(Standing) -> Standing| {
            let standing = usize::try_from(account).ok().and_then(|account| standings.get_mut(account));
            if let Some(standing) = standing {
                *standing = next(*standing);
            }
        };
        if let [(_, account)] = found {
            change(*account, &|now| now.claimed(by, assigned, |one, other| candidates.is_same(one, other)));
        } else if doubted.insert(hash) {
            for (_, account) in found {
                change(*account, &|now| now.doubted(by));
            }
        }
    }

    /// The accounts that a claim is about.
    pub(super) fn accounts_of(&self, claim: Claim) -> impl ExactSizeIterator<Item = u32> {
        let (link, keys) = self.candidates.hashes_of(usize::try_from(claim.object).unwrap_or(usize::MAX));
        let hash = claim.key.map_or(link, |key| keys.get(usize::from(key)).copied());
        hash.map_or(&[][..], |hash| having(&self.hashes, hash)).iter().map(|(_, account)| *account)
    }
}

/// The accounts that are found by a hash, in the order in which they were listed.
fn having(hashes: &[(u64, u32)], hash: u64) -> &[(u64, u32)] {
    let begin = hashes.partition_point(|(one, _)| *one < hash);
    let rest = hashes.get(begin..).unwrap_or_default();
    rest.get(..rest.partition_point(|(one, _)| *one == hash)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
