use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    BoundedRegex::new(pattern).unwrap().is_match(text).unwrap()
}

#[test]
fn dotnet_spellings_are_understood() {
    assert!(matches(r"^\<a\>$", "<a>"));
    assert!(matches("^(?'n'a)(?#comment)b\\Z", "ab"));
    assert!(matches("^[[a&&~-]+$", "[a&~-"));
    assert!(matches("^[a-z-[aeiou]]+$", "xyz"));
    assert!(!matches("^[a-z-[aeiou]]+$", "xya"));
    assert!(matches("^[]a]+$", "]a"));
    assert!(matches("^[()\\s-]+$", "( -)"));
    assert!(matches("(?i)ÄRGER", "ärger"));
    assert!(matches(r"\d", "٣"));
}

#[test]
fn looking_around_and_back_works() {
    assert!(matches("^(?=.*[0-9])(?!.*x).{3}$", "ab1"));
    assert!(!matches("^(?=.*[0-9])(?!.*x).{3}$", "xb1"));
    assert!(matches(r"(\w)\1", "hello"));
    assert!(matches("(?<=@)contoso", "a@contoso"));
}

#[test]
fn groups_are_numbered_as_in_dotnet() {
    let regex = BoundedRegex::new("(?<n>a)(b)").unwrap();
    assert_eq!((regex.group("n"), regex.group("1"), regex.group("2")), (Some(1), Some(2), Some(1)));
    assert_eq!((regex.group("3"), regex.group("m")), (None, None));
}

#[test]
fn broken_and_huge_patterns_are_refused() {
    assert!(matches!(BoundedRegex::new("("), Err(RegexError::Syntax(_))));
    assert!(matches!(BoundedRegex::new("(?=["), Err(RegexError::Syntax(_))));
    assert_eq!(BoundedRegex::new(r"(\w{100}){100}").unwrap_err(), RegexError::TooLarge);
    assert_eq!(BoundedRegex::new(&"a".repeat(10_001)).unwrap_err(), RegexError::TooLarge);
    assert!(BoundedRegex::new(&"(".repeat(10_000)).is_err());
    assert!(BoundedRegex::new(&format!("{}a{}", "(?=".repeat(2_000), ")".repeat(2_000))).is_err());
}

#[test]
fn hostile_patterns_end() {
    for (pattern, text) in [
        (r"^(a|aa)+\1cc$", format!("{}ca", "a".repeat(60))),
        (r"^(\w+\s?)*\1!$", format!("{}?!", "abc ".repeat(20))),
        (r"(x+x+)+(?=y)y\1", format!("{}y", "x".repeat(40))),
        (r"(.*)(.*)(.*)(.*)\1\2\3\4z", "z".repeat(3_000)),
        (r"(?=a+b)a", "a".repeat(200_000)),
    ] {
        assert_eq!(
            BoundedRegex::new(pattern).unwrap().is_match(&text),
            Err(RegexError::TooSlow),
            "{pattern}"
        );
    }
    for (pattern, length) in [(".*[^A-Z]|[A-Z]", 100_000), ("(?=.*$)A", 10_000)] {
        let mut count = 0;
        let outcome = BoundedRegex::new(pattern).unwrap().each_match(&"A".repeat(length), true, |_| {
            count += 1;
            true
        });
        assert_eq!(outcome, Err(RegexError::TooSlow), "{pattern}");
        assert!(count > 10, "{pattern}");
    }
}

#[test]
fn empty_matches_may_follow_others_as_in_dotnet() {
    let mut found = Vec::new();
    let regex = BoundedRegex::new("b*").unwrap();
    regex
        .each_match("abbü", true, |groups| {
            found.push(groups.get(0).unwrap());
            true
        })
        .unwrap();
    assert_eq!(found, [0..0, 1..3, 3..3, 5..5]);
}

/// The matches, and the first group of each.
fn found(pattern: &str, text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let of = |range: Range<usize>| text[range].to_owned();
    BoundedRegex::new(pattern)
        .unwrap_or_else(|error| panic!("{pattern}: {error}"))
        .each_match(text, true, |groups| {
            found.push((of(groups.get(0).unwrap()), groups.get(1).map(of)));
            true
        })
        .unwrap();
    found
}

fn wholes(pattern: &str, text: &str) -> Vec<String> {
    found(pattern, text).into_iter().map(|(whole, _)| whole).collect()
}

#[test]
fn the_end_may_stand_before_a_final_newline() {
    for pattern in ["^a+$", r"^a+\Z", "^(?:a+$)", "(?=a)a$", "^(b|a+)$|x$", r"^a$?", r"^(?:a$|b)"] {
        assert!(matches(pattern, "a\n"), "{pattern}");
        assert_eq!(wholes(pattern, "a\n"), ["a"], "{pattern}");
        assert_eq!(wholes(pattern, "a"), ["a"], "{pattern}");
    }
    for pattern in [r"^a\z", "^a$", "^(?:a$)"] {
        assert!(!matches(pattern, "a\n\n"), "{pattern}");
        assert!(!matches(pattern, "a\nb"), "{pattern}");
    }
    assert!(!matches(r"^a\z", "a\n"));
    assert_eq!(found("(a$)", "a\n"), [("a".to_owned(), Some("a".to_owned()))]);
    assert_eq!(found("(x)?a$", "a\n"), [("a".to_owned(), None)]);
    assert_eq!(wholes(r"a$\s*", "a\n"), ["a\n"]);
    assert_eq!(wholes(r"a\s*$", "a \n"), ["a \n"]);
    assert_eq!(wholes("$", "a\n"), ["", ""]);
    assert_eq!(wholes(r"(?:a$)\n|b", "a\nb"), ["b"]);
    assert_eq!(wholes(r"(?:a$)\n", "a\n"), ["a\n"]);
}

#[test]
fn lines_have_ends_where_that_is_asked_for() {
    assert_eq!(wholes("(?m)^[a-z]+$", "ab\ncd\nE"), ["ab", "cd"]);
    assert_eq!(wholes("^[a-z]+$", "ab\ncd"), [""; 0]);
    assert_eq!(wholes("(?m:^a$)|^b", "b\na"), ["b", "a"]);
    assert_eq!(wholes("(?m)^a(?-m)$", "a\na"), ["a"]);
    assert_eq!(wholes("((?m)^a$)|b$", "a\nb"), ["a", "b"]);
    assert_eq!(wholes("a.b", "a\nb"), [""; 0]);
    assert_eq!(wholes("(?s)a.b", "a\nb"), ["a\nb"]);
}

#[test]
fn options_stand_where_dotnet_takes_them() {
    assert_eq!(wholes("(?i)STRA(?-i)ss", "strass straSS"), ["strass"]);
    assert_eq!(wholes("a(?i:b)c", "aBc abC"), ["aBc"]);
    assert_eq!(wholes("(?x) a b # comment\n [ c]\\ ", "abc ab "), ["abc "]);
    assert_eq!(wholes("(?x: a b) c", "ab c"), ["ab c"]);
    assert_eq!(wholes(r"(?ix-s)  A \d {2}", "a12"), ["a12"]);
    assert_eq!(found("(?n)(a)(?<b>b)", "ab"), [("ab".to_owned(), Some("b".to_owned()))]);
    let explicit = BoundedRegex::new("(?n:(a))(b)").unwrap();
    assert_eq!((explicit.group("1"), explicit.group("2")), (Some(1), None));
    assert!(matches!(BoundedRegex::new("(?q)a"), Err(RegexError::Syntax(_))));
}

#[test]
fn blocks_and_categories_are_known() {
    for (pattern, yes, no) in [
        (r"^\p{IsGreek}+$", "αβγ", "abc"),
        (r"^\P{IsBasicLatin}+$", "éß", "e"),
        (r"^[\p{IsCyrillic}\s]+$", "Йё ж", "Йa"),
        (r"^[^\p{IsBasicLatin}]+$", "éß", "ée"),
        (r"^[\P{IsBasicLatin}x]+$", "éx", "éy"),
        (r"^\p{IsLatin-1Supplement}$", "ü", "ő"),
        (r"^\p{IsCJKUnifiedIdeographs}+$", "漢字", "かな"),
        (r"^[\p{L}-[\p{IsBasicLatin}]]+$", "éß", "ée"),
        (r"^\p{Lu}\p{Ll}+$", "Ärger", "ärger"),
        (r"^\P{Nd}$", "x", "٣"),
    ] {
        assert!(matches(pattern, yes) && !matches(pattern, no), "{pattern}");
    }
    assert!(matches!(BoundedRegex::new(r"\p{IsNothing}"), Err(RegexError::Syntax(_))));
}

#[test]
fn escapes_and_braces_mean_what_they_mean_in_dotnet() {
    for (pattern, yes, no) in [
        (r"^\x41\u0042\e\a$", "AB\u{1b}\u{7}", "AB"),
        (r"^\cA\011\0$", "\u{1}\t\0", "cA"),
        (r"^[\011\x41\cA]+$", "\tA\u{1}", "c"),
        (r"^{a}{2}$", "{a}}", "aa"),
        (r"^a{,2}$", "a{,2}", "aa"),
        (r"^a{1,2}b{2}c{1,}$", "aabbccc", "a{1,2}bbc"),
        (r"^\{\d+\}$", "{12}", "12"),
        (r"^[\w.+-]+@[a-z]+\.(?:com|org)$", "a.b+c-d@x.org", "a b@x.org"),
        (r"^[a^]+$", "a^", "b"),
        (r"^[^^]+$", "ab", "a^"),
        (r"^\ \#\-\/\@$", " #-/@", "#-/@"),
    ] {
        assert!(matches(pattern, yes), "{pattern}");
        assert!(!matches(pattern, no), "{pattern}");
    }
}

#[test]
fn lazy_and_atomic_and_choosing_groups_work() {
    assert_eq!(wholes("<.+?>", "<a><b>"), ["<a>", "<b>"]);
    assert_eq!(wholes("a{2,4}?", "aaaa"), ["aa", "aa"]);
    assert!(!matches("(?>a+)ab", "aaab"));
    assert_eq!(wholes(r"(?<=\$\d*)\d", "$12 3"), ["1", "2"]);
    assert_eq!(wholes(r"(?<!@)\b\w+", "a @b"), ["a"]);
    assert!(matches(r"^(\()?a(?(1)\))$", "(a)") && !matches(r"^(\()?a(?(1)\))$", "(a"));
}

#[test]
fn groups_choose_by_groups_and_by_looking() {
    // A group that has matched, by number or name; else what comes next.
    for (pattern, yes, no) in [
        (r"^(?<q>')?a(?(q)')$", "'a'", "'a"),
        (r"^(?<q>')?a(?(q)'|!)$", "a!", "a"),
        (r"^(?(b)b\d|\w)$", "b1", "b"),
        (r"^(?(b)b\d|\w)$", "c", "1c"),
        (r"^(?(a)ab|cd)$", "cd", "acd"),
        (r"^(?(\d)\d{3}|[a-z]{2})$", "ab", "1ab"),
        (r"^(?(\d)\d{3}|[a-z]{2})$", "123", "12"),
        (r"^(?(?=a)\w{2}|\w{3})$", "ab", "abc"),
        (r"^(?(?!a)\w{3}|\w{2})$", "bcd", "abc"),
        (r"^.(?(?<=a)b|c)$", "ab", "ac"),
        (r"^(?((a|b)c)ac|x)$", "ac", "bc"),
        (r"^(?(a|b)[ab]|x)$", "b", "c"),
        // The group without a name is the first one, wherever it stands.
        (r"^(?<n>a)?(b)?(?(1)c|d)$", "bc", "ac"),
        (r"^(?<n>a)?(b)?(?(n)c|d)$", "abc", "bc"),
        // A group may be named before it stands there.
        (r"^(?:(?(n)b|a(?<n>x)))+$", "axb", "b"),
        (r"^(a)?(?(1))$", "", "b"),
        (r"^(?(a)|b)c?$", "b", "ac"),
        (r"^(?:(?(a)a|b)|c)$", "c", "d"),
        (r"^(?(a)a$|b$)", "b", "c"),
    ] {
        assert!(matches(pattern, yes), "{pattern} on {yes}");
        assert!(!matches(pattern, no), "{pattern} on {no}");
    }
}

#[test]
fn mistakes_of_quantifiers_and_choices_name_their_place() {
    for (pattern, words) in [
        ("a{2,1}", "{2,1} asks for at least 2 and at most 1 at its character 2"),
        ("(?=x)é{10,9}", "at its character 7"),
        ("a{99999999999}", "a count is too large at its character 2"),
        ("a{1,99999999999}", "a count is too large at its character 2"),
        ("a**", "a quantifier follows another one at its character 3"),
        ("a+{2}", "a quantifier follows another one at its character 3"),
        ("a{2}+", "a quantifier follows another one at its character 5"),
        ("a+??", "a quantifier follows another one at its character 4"),
        ("(?(a)b|c|d)", "a group that chooses has a third alternative at its character 9"),
    ] {
        let error = BoundedRegex::new(pattern).unwrap_err().to_string();
        assert!(error.ends_with(words), "{pattern}: {error}");
    }
    for fine in
        ["a{2,2}", "a{0,}?", "a+?b*?c??", "a{,2}", "(?(a)(?:b|c|d)|[|])", r"a\+*", "[+*]+", "(?x)a + ?"]
    {
        assert!(BoundedRegex::new(fine).is_ok(), "{fine}");
    }
    assert!(matches!(BoundedRegex::new("(?(7)a|b)"), Err(RegexError::Syntax(_))));
    assert!(matches!(BoundedRegex::new("(?(a"), Err(RegexError::Syntax(_))));
    // Nothing always comes next.
    assert!(matches("^(?()a|b)$", "a") && !matches("^(?()a|b)$", "b"));
}

#[test]
fn references_count_groups_as_dotnet_does() {
    // The group without a name is the first one, wherever it stands.
    assert!(matches(r"^(?<n>a)(b)\1\2\k<n>\k'n'$", "abbaaa"));
    assert_eq!(BoundedRegex::new("(a)(?<z>b)(c)").unwrap().last_group(), 2);
}

#[test]
fn known_catastrophic_patterns_end() {
    let long = 30_000;
    for (pattern, text) in [
        (r"^(a+)+$", format!("{}!", "a".repeat(long))),
        (r"^(a|aa)+$", format!("{}!", "a".repeat(long))),
        (r"^(a|a?)+$", format!("{}!", "a".repeat(long))),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(long)),
        (r"(.*a){20}$", format!("{}!", "a".repeat(long))),
        (
            r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
            "a".repeat(long),
        ),
        (r"^(\d+)*$", format!("{}x", "1".repeat(long))),
        (r"(x+x+)+y", "x".repeat(long)),
        (r"^(a+)+$", format!("{}!\n", "a".repeat(long))),
        (r"\s+$", format!("{}x", " ".repeat(long))),
    ] {
        assert_eq!(BoundedRegex::new(pattern).unwrap().is_match(&text), Ok(false), "{pattern}");
    }
    let begin = std::time::Instant::now();
    for (pattern, text) in [
        (r"^(?=(a+)+$)", format!("{}!", "a".repeat(60))),
        (r"^(?:(a+)+)\1!$", format!("{}?", "a".repeat(60))),
        (r"(?!(x+x+)+y)x*z", "x".repeat(60)),
        (r"(?<=(a+)+)b(?!c)z", format!("{}b", "a".repeat(16_000))),
        (r"(?=a+b)a", "a".repeat(16_000)),
        (r"^(?:a?){50}(?=a{50})x", "a".repeat(50)),
    ] {
        let _ = BoundedRegex::new(pattern).map(|regex| regex.is_match(&text));
    }
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
}

#[test]
fn whole_matches_are_the_same_with_and_without_groups() {
    for (pattern, text) in [("b*", "abbü"), ("[()\\s-]+", "+1 (999) 8-7"), ("a$", "a\n"), ("(?=a)a", "xaa")]
    {
        let regex = BoundedRegex::new(pattern).unwrap();
        let all = |with_groups: bool| {
            let mut found = Vec::new();
            regex
                .each_match(text, with_groups, |groups| {
                    found.push(groups.get(0));
                    true
                })
                .unwrap();
            found
        };
        assert_eq!(all(true), all(false), "{pattern}");
    }
}

#[test]
fn mistakes_are_named() {
    for (pattern, words) in [
        ("(a", "unclosed group"),
        ("a)", "unopened group"),
        ("[a", "unclosed character class"),
        ("*a", "repetition operator missing expression"),
        (r"\p{IsNothing}", "Unicode property not found"),
        ("[z-a]", "invalid character class range"),
        ("(?=[z-a])", "error parsing pattern"),
        (r"(a)\2", "group 2"),
    ] {
        let error = BoundedRegex::new(pattern).unwrap_err().to_string();
        assert!(error.contains(words), "{pattern}: {error}");
    }
}
