//! The spellings in which a target may repeat a text that may not be shown: in other case, within JSON or a JSON text in
//! JSON, in an address, in markup.

/// Words with every spelling of a folded text replaced.
#[must_use]
pub fn replaced(words: &str, wanted: &[char], by: &str) -> String {
    let mut shown = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = length_of(rest, wanted).filter(|length| *length > 0) {
            shown.push_str(by);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            shown.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    shown
}

/// A text as it compares: without regard to case.
#[must_use]
pub fn fold(text: &str) -> Vec<char> {
    text.chars().flat_map(folded).collect()
}

fn folded(character: char) -> impl Iterator<Item = char> {
    character.to_uppercase().flat_map(char::to_lowercase)
}

/// What words end with that were cut short.
pub const CUT: char = '…';
/// Fewer characters before a cut are no beginning of a value: every text begins with one of them.
const LEAST_BEFORE_CUT: usize = 2;

/// How many octets at the beginning of words spell a folded text, or the beginning of it that a cut leaves; none where
/// they do not.
///
/// At each place every reading is tried, since a backslash or a per cent sign may stand for itself. The readings that
/// come to the same place are gone on with once, so this takes time that grows with the length of the text.
#[must_use]
pub fn length_of(words: &str, wanted: &[char]) -> Option<usize> {
    // Places in the words with what is wanted from there on; the places of each round lie behind those before.
    let mut open = vec![(0, 0)];
    let mut longest = None;
    while let Some((mut at, mut matched)) = open.pop() {
        // Letters and digits of ASCII stand for themselves alone.
        while let (Some(octet), Some(one)) = (words.as_bytes().get(at), wanted.get(matched))
            && octet.is_ascii_alphanumeric()
            && char::from(octet.to_ascii_lowercase()) == *one
        {
            (at, matched) = (at + 1, matched + 1);
        }
        let Some(rest) = wanted.get(matched..).filter(|rest| !rest.is_empty()) else {
            longest = longest.max(Some(at));
            continue;
        };
        let Some(words) = words.get(at..) else { continue };
        if matched >= LEAST_BEFORE_CUT && is_cut(words) {
            longest = longest.max(Some(at));
        }
        for (character, length) in readings(words) {
            let mut spelled = 0;
            let is_wanted = folded(character).all(|one| {
                spelled += 1;
                rest.get(spelled - 1) == Some(&one)
            });
            let next = (at + length, matched + spelled);
            if is_wanted && !open.contains(&next) {
                open.push(next);
            }
        }
    }
    longest
}

/// Whether nothing is left of words but a spelling that was cut in its middle.
fn is_cut(words: &str) -> bool {
    let begun = words.split_once(CUT).map(|(begun, _)| begun);
    begun.is_some_and(|begun| {
        begun.is_empty() || begun.len() <= LONGEST_SPELLING && begun.starts_with(['\\', '%', '&'])
    })
}

/// Octets of one character in its longest common spelling: a pair of UTF-16 behind backslashes.
const LONGEST_SPELLING: usize = 14;

/// What may stand at the beginning of words: a character, with the octets that spell it.
fn readings(words: &str) -> impl Iterator<Item = (char, usize)> {
    let first = words.chars().next();
    let plain = first.map(|first| (first, first.len_utf8()));
    let (coded, recoded) = match first {
        Some('\\') => (escape(words), None),
        Some('%') => (percent(words, 1), percent(words, MOST_LEVELS)),
        Some('&') => (entity(words), None),
        Some('+') => (Some((' ', 1)), None),
        _ => (None, None),
    };
    [plain, coded, recoded].into_iter().flatten()
}

/// A character behind one or more backslashes: JSON, and JSON in JSON.
fn escape(words: &str) -> Option<(char, usize)> {
    let slashes = words.bytes().take(MOST_LEVELS).take_while(|one| *one == b'\\').count();
    let rest = words.get(slashes..)?;
    let sign = rest.chars().next()?;
    let character = match sign {
        'u' => {
            let (first, length) = unit(rest, 1)?;
            let (code, length) = match first {
                0xD800..0xDC00 => {
                    let more = rest.get(length..)?;
                    let again = more.bytes().take_while(|one| *one == b'\\').count();
                    let (second, tail) = unit(more, again + 1)?;
                    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                    (0x1_0000 + ((first - 0xD800) << 10) + low, length + tail)
                }
                code => (code, length),
            };
            return Some((char::from_u32(code)?, slashes + length));
        }
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        '"' | '/' | '\'' => sign,
        // Several backslashes stand for one.
        _ if slashes > 1 => return Some(('\\', slashes)),
        _ => return None,
    };
    Some((character, slashes + 1))
}

/// Levels of one spelling within another that are understood.
const MOST_LEVELS: usize = 8;

/// Four hexadecimal digits behind so many octets, with the octets that all of it takes.
fn unit(text: &str, skip: usize) -> Option<(u32, usize)> {
    let digits =
        text.get(skip..skip + 4).filter(|_| text.get(..skip).is_some_and(|sign| sign.ends_with('u')))?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex).map(|code| (code, skip + 4))
}

/// A character in the octets of UTF-8, each as `%C3`, or as `%25C3` where it was encoded twice, and so on.
fn percent(words: &str, levels: usize) -> Option<(char, usize)> {
    let mut octets = Vec::with_capacity(4);
    let mut at = 0;
    while octets.len() < 4 {
        let (octet, length) = percent_octet(words.get(at..)?, levels)?;
        octets.push(octet);
        at += length;
        match std::str::from_utf8(&octets) {
            Ok(text) => return text.chars().next().map(|character| (character, at)),
            Err(error) if error.error_len().is_some() => return None,
            Err(_) => {}
        }
    }
    None
}

fn percent_octet(words: &str, levels: usize) -> Option<(u8, usize)> {
    let mut at = words.starts_with('%').then_some(1)?;
    let hex = |at: usize| {
        let digits = words.get(at..at + 2).filter(|two| two.bytes().all(|one| one.is_ascii_hexdigit()))?;
        u8::from_str_radix(digits, 16).ok()
    };
    for _ in 1..levels {
        if hex(at)? != b'%' || hex(at + 2).is_none() {
            break;
        }
        at += 2;
    }
    hex(at).map(|octet| (octet, at + 2))
}

/// A character reference of HTML or XML, of those that texts are commonly escaped with.
fn entity(words: &str) -> Option<(char, usize)> {
    const LONGEST: usize = 10;
    let end = words.bytes().take(LONGEST).position(|one| one == b';')?;
    let name = words.get(1..end)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => match name.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
            None => return None,
        },
    };
    Some((character, end + 1))
}
