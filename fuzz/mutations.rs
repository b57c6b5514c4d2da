//! Fuzz targets on their seeds and on mutations of them, for a bounded time: what the tests run on a stable compiler. A
//! fuzzer goes further.

use std::path::Path;
use std::time::{Duration, Instant};

/// No target is mutated for longer.
const SPAN: Duration = Duration::from_secs(2);
/// Nor more often.
const MOST: usize = 20_000;

/// What a target's mutations are made of.
pub(crate) struct Mutations {
    /// What they put in.
    pub(crate) words: &'static [&'static str],
    /// They do not grow beyond so many octets.
    pub(crate) longest: usize,
}

/// A generator whose draws depend on its seed alone.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(9)).min(length)
    }
}

impl Mutations {
    fn mutate(&self, draws: &mut Draws, octets: &mut Vec<u8>, others: &[Vec<u8>]) {
        let at = draws.below(octets.len() + 1);
        match draws.below(6) {
            0 => {
                let range = draws.range(octets.len());
                octets.drain(range);
            }
            1 => {
                let part = octets.get(draws.range(octets.len())).unwrap_or_default().to_vec();
                octets.splice(at..at, part);
            }
            2 => {
                let other = others.get(draws.below(others.len())).map_or(&[][..], Vec::as_slice);
                let part = other.get(draws.below(other.len() + 1)..).unwrap_or_default().to_vec();
                octets.truncate(at);
                octets.extend(part);
            }
            3 => {
                let octet = u8::try_from(draws.below(256)).unwrap();
                if let Some(place) = octets.get_mut(at) {
                    *place = octet;
                }
            }
            _ => {
                let word =
                    self.words.get(draws.below(self.words.len())).map_or(&[][..], |word| word.as_bytes());
                octets.splice(at..at, word.iter().copied());
            }
        }
        octets.truncate(self.longest);
    }

    /// Runs a target on the seeds in `fuzz/seeds/NAME` and on mutations of them.
    pub(crate) fn run(&self, name: &str, target: fn(&[u8])) {
        let seeds = seeds(name);
        assert!(seeds.len() > 10, "{name} has {} seeds", seeds.len());
        for seed in &seeds {
            target(seed);
        }
        let (mut draws, begin, mut tried) = (Draws(0x9e37_79b9_7f4a_7c15), Instant::now(), 0);
        while tried < MOST && begin.elapsed() < SPAN {
            let mut octets = seeds.get(draws.below(seeds.len())).cloned().unwrap_or_default();
            for _ in 0..=draws.below(4) {
                self.mutate(&mut draws, &mut octets, &seeds);
            }
            target(&octets);
            tried += 1;
        }
        assert!(tried > 10, "only {tried} mutations of {name} in {SPAN:?}");
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = folder.ancestors().find(|folder| folder.join("fuzz/seeds").is_dir()).unwrap();
    let folder = root.join("fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}
