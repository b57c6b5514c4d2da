//! Plain letters for letters with marks.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Adds a text with every Latin letter stripped of its marks. Letters of other scripts keep theirs.
pub(crate) fn normalize(text: &str, output: &mut String) {
    let mut after_latin = false;
    for character in text.chars() {
        if is_combining_mark(character) {
            if !after_latin {
                output.push(character);
            }
            continue;
        }
        let base = base(character);
        after_latin = true;
        match base {
            'æ' => output.push_str("ae"),
            'Æ' => output.push_str("AE"),
            'ø' | 'œ' => output.push_str("oe"),
            'Ø' | 'Œ' => output.push_str("OE"),
            'ß' => output.push_str("ss"),
            'ł' => output.push('l'),
            'Ł' => output.push('L'),
            'ı' => output.push('i'),
            base if base.is_ascii_alphabetic() => output.push(base),
            _ => {
                after_latin = false;
                output.push(character);
            }
        }
    }
}

/// The letter below the marks.
fn base(character: char) -> char {
    let mut base = None;
    decompose_canonical(character, |part| base = base.or(Some(part)));
    base.unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented table: plain letters, and the letters that become them. Those with combining marks are spelled
    /// with the marks of the documentation.
    const TABLE: &[(&str, &str)] = &[
        ("a", "ä à â ã å á ą ă ā ā́ ā̀ ā̂ ā̃ ǟ ā̈ ǡ a̱ å̄"),
        ("A", "Ä À Â Ã Å Á Ą Ă Ā Ā́ Ā̀ Ā̂ Ā̃ Ǟ Ā̈ Ǡ A̱ Å̄"),
        ("ae", "æ ǣ"),
        ("AE", "Æ Ǣ"),
        ("c", "ç č ć c̄ c̱"),
        ("C", "Ç Č Ć C̄ C̱"),
        ("d", "ď d̄ ḏ"),
        ("D", "Ď D̄ Ḏ"),
        ("e", "ë è é ê ę ě ė ē ḗ ḕ ē̂ ē̃ ê̄ e̱ ë̄ e̊̄"),
        ("E", "Ë È É Ê Ę Ě Ė Ē Ḗ Ḕ Ē̂ Ē̃ Ê̄ E̱ Ë̄ E̊̄"),
        ("g", "ğ ḡ g̱"),
        ("G", "Ğ Ḡ G̱"),
        ("i", "ï î ì í ı ī ī́ ī̀ ī̂ ī̃ i̱"),
        ("I", "Ï Î Ì Í İ Ī Ī́ Ī̀ Ī̂ Ī̃ I̱"),
        ("l", "ľ ł l̄ ḹ ḻ"),
        ("L", "Ł Ľ L̄ Ḹ Ḻ"),
        ("n", "ñ ń ň n̄ ṉ"),
        ("N", "Ñ Ń Ň N̄ Ṉ"),
        ("o", "ö ò ő õ ô ó ō ṓ ṑ ō̂ ō̃ ȫ ō̈ ǭ ȭ ȱ o̱"),
        ("O", "Ö Ò Ő Õ Ô Ó Ō Ṓ Ṑ Ō̂ Ō̃ Ȫ Ō̈ Ǭ Ȭ Ȱ O̱"),
        ("oe", "ø ø̄ œ̄"),
        ("OE", "Ø Ø̄ Œ̄"),
        ("r", "ř r̄ ṟ ṝ"),
        ("R", "Ř R̄ Ṟ Ṝ"),
        ("ss", "ß"),
        ("s", "š ś ș ş s̄ s̱"),
        ("S", "Š Ś Ș Ş S̄ S̱"),
        ("t", "ť ț t̄ ṯ"),
        ("T", "Ť Ț T̄ Ṯ"),
        ("u", "ü ù û ú ů ű ū ū́ ū̀ ū̂ ū̃ u̇̄ ǖ ṻ ṳ̄ u̱"),
        ("U", "Ü Ù Û Ú Ů Ű Ū Ū́ Ū̀ Ū̂ Ū̃ U̇̄ Ǖ Ṻ Ṳ̄ U̱"),
        ("y", "ÿ ý ȳ ȳ́ ȳ̀ ȳ̃ y̱"),
        ("Y", "Ÿ Ý Ȳ Ȳ́ Ȳ̀ Ȳ̃ Y̱"),
        ("z", "ź ž ż z̄ ẕ"),
        ("Z", "Ź Ž Ż Z̄ Ẕ"),
    ];

    fn normalized(text: &str) -> String {
        let mut output = String::new();
        normalize(text, &mut output);
        output
    }

    #[test]
    fn the_documented_table_holds() {
        for (plain, marked) in TABLE {
            for letter in marked.split(' ') {
                assert_eq!(normalized(letter), *plain, "{letter}");
            }
        }
    }

    #[test]
    fn decomposed_letters_and_other_latin_ones_lose_their_marks_too() {
        assert_eq!(normalized("Zoe\u{308} Nguyễn ŵ"), "Zoe Nguyen w");
    }

    #[test]
    fn other_scripts_and_signs_stay() {
        for text in ["Йёж", "が か\u{3099}", "한글", "מָה", "1\u{308} – \u{301}", "Đ"] {
            assert_eq!(normalized(text), text);
        }
    }
}
