//! Entity tags (RFC 7644 §3.14, RFC 9110 §8.8.3).

use std::fmt::Display;

/// A weak entity tag of a version, such as `W/"7"`. Characters that a tag cannot hold are left out.
#[must_use]
pub fn weak(version: impl Display) -> String {
    let version: String =
        version.to_string().chars().filter(|one| one.is_ascii_graphic() && *one != '"').collect();
    format!("W/\"{version}\"")
}

/// True where an `If-Match` or `If-None-Match` header meets a tag: by `*`, or by one of its tags in weak comparison, in
/// which `W/"7"` and `"7"` are the same. A tag without quotes, as some clients send it, is understood.
#[must_use]
pub fn is_met(header: &str, tag: &str) -> bool {
    let tag = opaque(tag);
    let mut rest = header.trim();
    if rest == "*" {
        return true;
    }
    while !rest.is_empty() {
        let end = tag_end(rest);
        let (one, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if opaque(one) == tag {
            return true;
        }
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
    false
}

/// Where the first tag of a list ends: a comma inside quotes is part of the tag.
fn tag_end(list: &str) -> usize {
    let mut quoted = false;
    list.find(|one| {
        quoted ^= one == '"';
        one == ',' && !quoted
    })
    .unwrap_or(list.len())
}

fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_compare_weakly() {
        assert_eq!(weak(7), "W/\"7\"");
        assert_eq!(weak("a\"b c\n"), "W/\"abc\"");
        for (header, expected) in [
            ("*", true),
            ("W/\"7\"", true),
            ("\"7\"", true),
            ("7", true),
            (" \"6\" ,\tW/\"7\"", true),
            ("W/\"8\", \"a,7\"", false),
            ("W/\"77\"", false),
            ("", false),
            ("\"7", false),
            ("\"6\",,", false),
        ] {
            assert_eq!(is_met(header, "W/\"7\""), expected, "{header}");
        }
        assert!(is_met("\"a,b\"", "\"a,b\""));
    }
}
