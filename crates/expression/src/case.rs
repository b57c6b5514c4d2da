//! Upper and lower case as .NET has it: one character for one character, by the invariant culture or by the few
//! cultures that differ.

use unicode_normalization::char::canonical_combining_class;

/// The cultures that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Culture {
    /// Every culture without rules of its own.
    Invariant,
    /// Turkish and Azerbaijani: the dotted and the dotless i are two letters.
    Turkic,
    /// Lithuanian: an i keeps its dot below an accent.
    Lithuanian,
}

impl Culture {
    /// The culture of a name such as `tr-TR`.
    pub(crate) fn of_name(name: &str) -> Self {
        let language = name.trim().split(['-', '_']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("tr") || language.eq_ignore_ascii_case("az") {
            Self::Turkic
        } else if language.eq_ignore_ascii_case("lt") {
            Self::Lithuanian
        } else {
            Self::Invariant
        }
    }

    /// Adds a text in lower case.
    pub(crate) fn lower(self, text: &str, output: &mut String) {
        match self {
            Self::Invariant if text.is_ascii() => {
                let begin = output.len();
                output.push_str(text);
                if let Some(added) = output.get_mut(begin..) {
                    added.make_ascii_lowercase();
                }
            }
            Self::Invariant => output.extend(text.chars().map(lower)),
            Self::Turkic => output.extend(text.chars().map(|character| match character {
                'I' => 'ı',
                'İ' => 'i',
                other => lower(other),
            })),
            Self::Lithuanian => lower_lithuanian(text, output),
        }
    }

    /// Adds a text in upper case.
    pub(crate) fn upper(self, text: &str, output: &mut String) {
        match self {
            Self::Invariant if text.is_ascii() => {
                let begin = output.len();
                output.push_str(text);
                if let Some(added) = output.get_mut(begin..) {
                    added.make_ascii_uppercase();
                }
            }
            Self::Invariant => output.extend(text.chars().map(upper)),
            Self::Turkic => output.extend(text.chars().map(|character| match character {
                'i' => 'İ',
                'ı' => 'I',
                other => upper(other),
            })),
            Self::Lithuanian => upper_lithuanian(text, output),
        }
    }
}

/// One character in lower case, by the invariant culture.
pub(crate) fn lower(character: char) -> char {
    if character == 'İ' { character } else { only(character.to_lowercase(), character) }
}

/// One character in upper case, by the invariant culture.
pub(crate) fn upper(character: char) -> char {
    if character == 'ı' { character } else { only(character.to_uppercase(), character) }
}

/// One character as the first of a word: the letters that are two in one have a form of their own for it.
pub(crate) fn title(character: char) -> char {
    match character {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        other => upper(other),
    }
}

fn only(mut mapped: impl Iterator<Item = char>, original: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => original,
    }
}

const DOT_ABOVE: char = '\u{307}';
const ABOVE: u8 = 230;

fn lower_lithuanian(text: &str, output: &mut String) {
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            'Ì' => output.push_str("i\u{307}\u{300}"),
            'Í' => output.push_str("i\u{307}\u{301}"),
            'Ĩ' => output.push_str("i\u{307}\u{303}"),
            'I' | 'J' | 'Į' => {
                output.push(lower(character));
                let accent = rest.clone().find(|next| matches!(canonical_combining_class(*next), 0 | ABOVE));
                if accent.is_some_and(|accent| canonical_combining_class(accent) == ABOVE) {
                    output.push(DOT_ABOVE);
                }
            }
            other => output.push(lower(other)),
        }
    }
}

fn upper_lithuanian(text: &str, output: &mut String) {
    let mut after_dotted = false;
    for character in text.chars() {
        if character == DOT_ABOVE && after_dotted {
            continue;
        }
        output.push(upper(character));
        after_dotted = match canonical_combining_class(character) {
            0 => matches!(character, 'i' | 'j' | 'į' | 'ị' | 'ḭ' | 'і' | 'ј' | 'ɨ' | 'ɉ' | 'ʝ'),
            ABOVE => false,
            _ => after_dotted,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(culture: &str, text: &str) -> String {
        let mut output = String::new();
        Culture::of_name(culture).lower(text, &mut output);
        output
    }

    fn raised(culture: &str, text: &str) -> String {
        let mut output = String::new();
        Culture::of_name(culture).upper(text, &mut output);
        output
    }

    #[test]
    fn the_invariant_culture_keeps_the_number_of_characters() {
        assert_eq!(raised("", "straße ﬁ ü σς"), "STRAßE ﬁ Ü ΣΣ");
        assert_eq!(lowered("de-DE", "STRASSE Ü ΣΑΣ"), "strasse ü σασ");
        assert_eq!(lowered("", "İI"), "İi");
        assert_eq!(raised("", "ıi"), "ıI");
    }

    #[test]
    fn turkic_has_two_letters_i() {
        for culture in ["tr-TR", "TR", "az-Latn-AZ"] {
            assert_eq!(lowered(culture, "TITLE İ"), "tıtle i");
            assert_eq!(raised(culture, "title ı"), "TİTLE I");
        }
    }

    #[test]
    fn lithuanian_keeps_the_dot_below_an_accent() {
        assert_eq!(lowered("lt-LT", "ÌÍĨ IJĮ"), "i\u{307}\u{300}i\u{307}\u{301}i\u{307}\u{303} ijį");
        assert_eq!(lowered("lt", "I\u{300}J\u{323}\u{301}"), "i\u{307}\u{300}j\u{307}\u{323}\u{301}");
        assert_eq!(raised("lt", "i\u{307}\u{300}a\u{307}"), "I\u{300}A\u{307}");
    }
}
