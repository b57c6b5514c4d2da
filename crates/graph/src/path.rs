//! Paths of the Graph API: a raw path as segments, and the patterns that routes are written in.
//!
//! One resource has many spellings: `/users/42` and `/users('42')`, `/servicePrincipals(appId='…')`, `/ping` and
//! `/ping()`, `/start` and `/microsoft.graph.start`, all without regard to case. A [`RequestPath`] and a [`Pattern`] see
//! through all of them.

use percent_encoding::percent_decode_str;

use crate::error::GraphError;

/// The longest path, in octets.
pub const MAX_PATH: usize = 4096;
/// The most segments of a path.
pub const MAX_SEGMENTS: usize = 24;

/// The two versions of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `/v1.0`
    V1,
    /// `/beta`
    Beta,
}

impl Version {
    /// The version's segment.
    #[must_use]
    pub fn segment(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

/// A path with its spelling normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    /// The version that the path begins with.
    pub version: Version,
    /// What comes after it.
    pub segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A name, or a key that has a segment of its own; which of them, the pattern says.
    Text(String),
    /// A key in parentheses: `('42')`.
    Key(String),
    /// Named keys of an object, or arguments of a function: `(appId='…')`.
    Named(Vec<(String, String)>),
}

impl RequestPath {
    /// Reads the path of a request, percent-encoded as it came. None where it does not begin with a version.
    pub fn parse(raw: &str) -> Result<Option<Self>, GraphError> {
        if raw.len() > MAX_PATH {
            return Err(GraphError::bad_request(format!("The path is longer than {MAX_PATH} octets.")));
        }
        let mut parts = raw.split('/').filter(|part| !part.is_empty());
        let version = match parts.next() {
            Some(part) if part.eq_ignore_ascii_case("v1.0") => Version::V1,
            Some(part) if part.eq_ignore_ascii_case("beta") => Version::Beta,
            _ => return Ok(None),
        };
        let mut segments = Vec::new();
        for part in parts {
            let text = percent_decode_str(part).decode_utf8().map_err(|_| {
                GraphError::bad_request(format!("The path segment '{part}' is not percent-encoded UTF-8."))
            })?;
            split_segment(&text, &mut segments)?;
            if segments.len() > MAX_SEGMENTS {
                return Err(GraphError::bad_request(format!(
                    "The path has more than {MAX_SEGMENTS} segments."
                )));
            }
        }
        Ok(Some(Self { version, segments }))
    }
}

/// Adds the segments that one part of a path stands for.
fn split_segment(text: &str, segments: &mut Vec<Segment>) -> Result<(), GraphError> {
    let malformed = || {
        GraphError::bad_request(format!(
            "The path segment '{text}' cannot be read: check its parentheses and quotes."
        ))
    };
    let Some((name, rest)) = text.split_once('(') else {
        segments.push(Segment::Text(text.to_owned()));
        return Ok(());
    };
    let inner = rest.strip_suffix(')').ok_or_else(malformed)?.trim();
    if name.is_empty() {
        return Err(malformed());
    }
    segments.push(Segment::Text(name.to_owned()));
    let mut arguments = arguments(inner).ok_or_else(malformed)?;
    match arguments.as_mut_slice() {
        [] => {}
        [(None, value)] => segments.push(Segment::Key(std::mem::take(value))),
        _ => {
            let named = arguments.into_iter().map(|(key, value)| Some((key?, value)));
            segments.push(Segment::Named(named.collect::<Option<_>>().ok_or_else(malformed)?));
        }
    }
    Ok(())
}

/// What stands in parentheses: values, named or not, separated by commas. None where that cannot be read.
fn arguments(text: &str) -> Option<Vec<(Option<String>, String)>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let key = match rest.find(['=', '\'', ',']) {
            Some(at) if rest.get(at..)?.starts_with('=') => {
                let key = rest.get(..at)?.trim().to_owned();
                rest = rest.get(at + 1..)?.trim_start();
                Some(key)
            }
            _ => None,
        };
        let (value, after) = value(rest)?;
        found.push((key, value));
        rest = after.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
            if rest.is_empty() {
                return None;
            }
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(found)
}

/// A quoted or bare value, and what comes after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(',').unwrap_or(text.len());
        let value = text.get(..end)?.trim();
        return (!value.is_empty() && !value.contains('\''))
            .then(|| (value.to_owned(), text.get(end..).unwrap_or("")));
    };
    let mut content = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            content.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            content.push('\'');
        } else {
            return Some((content, quoted.get(at + 1..)?));
        }
    }
    None
}

/// The path of a route, such as `users/{id}/manager/$ref`. Names match without regard to case; `{name}` takes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Key(String),
}

/// A key that a pattern took from a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The object's identifier, or another value that is looked up like one.
    Id(String),
    /// An alternate key, such as `appId='…'`: its name as the client spelled it, and the value.
    Alternate(String, String),
}

impl Key {
    /// The value, whatever it is a value of.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Id(value) | Self::Alternate(_, value) => value,
        }
    }
}

/// What a pattern took from a path: keys by the names that the pattern gives them, and the arguments of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    keys: Vec<(String, Key)>,
    arguments: Vec<(String, String)>,
}

impl Captures {
    /// The key of a name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|(known, _)| known == name).map(|(_, key)| key)
    }

    /// An argument of the function that the path ends with, its name compared without regard to case.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// True where a segment is a name, by itself or qualified: actions, functions and types may be called by the name of
/// their namespace or of its alias, as in `microsoft.graph.start` and `graph.user`. A key may begin so too, which is why
/// only the pattern can tell.
fn is_name(text: &str, name: &str) -> bool {
    text.eq_ignore_ascii_case(name) || bare(text).is_some_and(|bare| bare.eq_ignore_ascii_case(name))
}

/// A qualified name without its namespace or alias; none where it has neither.
fn bare(text: &str) -> Option<&str> {
    ["microsoft.graph.", "graph."].into_iter().find_map(|prefix| {
        let (start, rest) = text.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some(rest)
    })
}

impl Pattern {
    /// Reads a pattern. Segments in braces take a key, all others are names, qualified or not.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let step = |part: &str| match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Step::Key(name.to_owned()),
            None => Step::Name(bare(part).unwrap_or(part).to_owned()),
        };
        Self(text.split('/').filter(|part| !part.is_empty()).map(step).collect())
    }

    /// Matches a path. None where it is another's.
    #[must_use]
    pub fn captures(&self, segments: &[Segment]) -> Option<Captures> {
        let mut captures = Captures::default();
        let mut segments = segments.iter();
        for step in &self.0 {
            match (step, segments.next()?) {
                (Step::Name(name), Segment::Text(text)) if is_name(text, name) => {}
                (Step::Key(name), segment) => captures.keys.push((name.clone(), key(segment)?)),
                _ => return None,
            }
        }
        match (segments.next(), self.0.last()) {
            (None, _) => Some(captures),
            // Only a function takes arguments, and they come last.
            (Some(Segment::Named(arguments)), Some(Step::Name(_))) if segments.next().is_none() => {
                captures.arguments.clone_from(arguments);
                Some(captures)
            }
            _ => None,
        }
    }

    /// How many leading steps of the pattern a path follows: tells which segment of an unknown path is to blame.
    #[must_use]
    pub fn prefix_length(&self, segments: &[Segment]) -> usize {
        let follows = |(step, segment): &(&Step, &Segment)| match (step, segment) {
            (Step::Name(name), Segment::Text(text)) => is_name(text, name),
            (Step::Name(_), _) => false,
            (Step::Key(_), segment) => key(segment).is_some(),
        };
        self.0.iter().zip(segments).take_while(follows).count()
    }

    /// How many names the pattern has. Where two patterns match one path, the one with more names is meant.
    #[must_use]
    pub fn literal_count(&self) -> usize {
        self.0.iter().filter(|step| matches!(step, Step::Name(_))).count()
    }
}

fn key(segment: &Segment) -> Option<Key> {
    match segment {
        // Names such as $ref and $count are never keys.
        Segment::Text(text) if text.starts_with('$') => None,
        Segment::Text(text) | Segment::Key(text) => Some(Key::Id(text.clone())),
        Segment::Named(named) => match named.as_slice() {
            [(name, value)] => Some(Key::Alternate(name.clone(), value.clone())),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(raw: &str) -> Vec<Segment> {
        RequestPath::parse(raw).unwrap().unwrap().segments
    }

    fn text(text: &str) -> Segment {
        Segment::Text(text.to_owned())
    }

    #[test]
    fn a_path_begins_with_a_version() {
        assert_eq!(RequestPath::parse("/V1.0/users").unwrap().unwrap().version, Version::V1);
        assert_eq!(RequestPath::parse("/beta").unwrap().unwrap().segments, []);
        assert_eq!(RequestPath::parse("/scim/v2/Users").unwrap(), None);
        assert_eq!(RequestPath::parse("/").unwrap(), None);
    }

    #[test]
    fn keys_may_stand_in_parentheses() {
        assert_eq!(segments("/beta/users('4%2F2')"), [text("users"), Segment::Key("4/2".to_owned())]);
        assert_eq!(segments("/beta/users('O''Neil')")[1], Segment::Key("O'Neil".to_owned()));
        assert_eq!(
            segments("/beta/servicePrincipals(appId='a,b')/synchronization"),
            [
                text("servicePrincipals"),
                Segment::Named(vec![("appId".to_owned(), "a,b".to_owned())]),
                text("synchronization")
            ]
        );
        assert_eq!(segments("/beta/ping()"), [text("ping")]);
        assert_eq!(segments("/beta//jobs/x/"), [text("jobs"), text("x")]);
        assert_eq!(segments("/beta/users/ada%40contoso.com")[1], text("ada@contoso.com"));
    }

    #[test]
    fn a_pattern_names_types_with_their_namespace_or_without() {
        for pattern in ["groups/{id}/members/microsoft.graph.user", "groups/{id}/members/user"] {
            for path in ["members/microsoft.graph.user", "members/graph.User", "members/user"] {
                let path = segments(&format!("/beta/groups/7/{path}"));
                assert!(Pattern::new(pattern).captures(&path).is_some(), "{pattern} {path:?}");
            }
        }
    }

    #[test]
    fn malformed_segments_are_refused() {
        for bad in [
            "users('4",
            "users('4'",
            "users('a'b)",
            "(a)",
            "f(a=1,)",
            "f(a=1,'b')",
            "f('a','b')",
            "u%ff",
            "f(a='x'y)",
        ] {
            let error = RequestPath::parse(&format!("/beta/{bad}")).unwrap_err();
            assert_eq!(error.status(), 400, "{bad}");
        }
        assert!(RequestPath::parse(&format!("/beta/{}", "a/".repeat(30))).is_err());
        assert!(RequestPath::parse(&format!("/beta/{}", "a".repeat(5000))).is_err());
    }

    #[test]
    fn patterns_take_keys_in_every_spelling() {
        let pattern = Pattern::new("servicePrincipals/{id}/synchronization/jobs/{job}/start");
        for path in [
            "/beta/servicePrincipals/1/synchronization/jobs/2/start",
            "/beta/SERVICEprincipals('1')/synchronization/jobs('2')/microsoft.graph.start",
            "/v1.0/servicePrincipals/1/synchronization/jobs/2/START()",
        ] {
            let captures = pattern.captures(&segments(path)).unwrap();
            assert_eq!(captures.key("id"), Some(&Key::Id("1".to_owned())));
            assert_eq!(captures.key("job").unwrap().value(), "2");
        }
        let captures = pattern
            .captures(&segments("/beta/servicePrincipals(appId='7')/synchronization/jobs/2/start"))
            .unwrap();
        assert_eq!(captures.key("id"), Some(&Key::Alternate("appId".to_owned(), "7".to_owned())));
        assert_eq!(pattern.captures(&segments("/beta/servicePrincipals/1/synchronization/jobs/2")), None);
        assert_eq!(
            pattern.captures(&segments("/beta/servicePrincipals/1/synchronization/jobs/2/start/x")),
            None
        );
    }

    #[test]
    fn names_may_be_qualified_and_keys_stay_as_they_are() {
        let pattern = Pattern::new("groups/{id}/members/user");
        for path in ["/beta/groups/1/members/graph.user", "/beta/groups/1/members/Microsoft.Graph.User"] {
            assert!(pattern.captures(&segments(path)).is_some(), "{path}");
        }
        assert!(pattern.captures(&segments("/beta/groups/1/members/other.user")).is_none());
        let captures =
            Pattern::new("users/{id}").captures(&segments("/beta/users/graph.admin@x.example")).unwrap();
        assert_eq!(captures.key("id").unwrap().value(), "graph.admin@x.example");
    }

    #[test]
    fn system_names_are_no_keys_and_functions_take_arguments() {
        assert_eq!(Pattern::new("users/{id}").captures(&segments("/beta/users/$count")), None);
        assert!(Pattern::new("users/$count").captures(&segments("/beta/users/$COUNT")).is_some());
        let captures =
            Pattern::new("users/delta").captures(&segments("/beta/users/delta(token='x',n=2)")).unwrap();
        assert_eq!((captures.argument("TOKEN"), captures.argument("n")), (Some("x"), Some("2")));
        assert_eq!(Pattern::new("users/{id}/manager").prefix_length(&segments("/beta/users/1/manger")), 2);
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_the_splitter_panic(raw in "\\PC{0,60}") {
            let _ = RequestPath::parse(&format!("/beta/{raw}"));
        }

        #[test]
        fn a_quoted_key_comes_back(key in "\\PC{1,20}") {
            let quoted = percent_encoding::utf8_percent_encode(&key.replace('\'', "''"), percent_encoding::NON_ALPHANUMERIC).to_string();
            proptest::prop_assert_eq!(segments(&format!("/beta/users('{quoted}')")), [text("users"), Segment::Key(key)]);
        }
    }
}
