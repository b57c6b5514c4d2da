//! Mappings evaluated one after another in one thread, as a cycle does: compiled once, values found by slot.
//!
//! A text of up to 23 bytes is held in the value itself, and an attribute's value is shared; so the only allocation of
//! the user below is its long mail address in lower case.

use std::hint::black_box;
use std::time::{Duration, Instant};

use expression::{Compiled, Context, Domains, Lookup};
use model::{Entropy, SystemEntropy, Timestamp, Value};

use crate::graph::Failure;
use crate::table::Table;

/// How long each row is measured.
const SPAN: Duration = Duration::from_millis(500);
/// Evaluations between two looks at the clock.
const BATCH: u32 = 1_000;
/// Looks at the clock are sorted, and the middle one counts.
const LEAST_BATCHES: usize = 11;

/// What a typical mapping does.
const TYPICAL: [&str; 5] = [
    "[mail]",
    r#"ToLower(Join(".", NormalizeDiacritics([givenName]), [surname]))"#,
    r#"Switch([state], "Sydney", "NSW", "Sydney", "QLD", "Brisbane", "SA", "Adelaide", "WA", "Perth", "TAS", "Hobart")"#,
    r#"Replace([mobile], , "[()\\s-]+", , "", , )"#,
    r#"Replace([mobile], , "\\+(?<country>\\d+) \\((?<area>\\d+)\\)", , "${area}", , )"#,
];

/// The mapping of a user with twenty attributes.
const USER: [&str; 20] = [
    "[userPrincipalName]",
    r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
    "[displayName]",
    "[jobTitle]",
    "ToLower([mail])",
    r#"Replace([preferredLanguage], "-", , , "_", , )"#,
    "[givenName]",
    "[surname]",
    r#"Join(" ", [givenName], [surname])"#,
    "[streetAddress]",
    "[city]",
    "[state]",
    "[postalCode]",
    r#"IIF([country] = "NL", "Netherlands", [country])"#,
    r#"Replace([mobile], , "[()\\s-]+", , "", , )"#,
    r#"Replace([mail], "@contoso.com", , , "", , )"#,
    r#"ToLower(Join(".", NormalizeDiacritics([givenName]), [surname]))"#,
    "Coalesce([department], [jobTitle])",
    r#"FormatDateTime([hireDate], , "yyyy-MM-ddzzz", "M/d/yyyy")"#,
    r#"IIF(IsPresent([manager]), [manager], "none")"#,
];

/// The user that is mapped.
const VALUES: [(&str, &str); 17] = [
    ("userPrincipalName", "zoe.achterberg@contoso.com"),
    ("IsSoftDeleted", "False"),
    ("displayName", "Zoë Achterberg"),
    ("jobTitle", "Engineer"),
    ("mail", "Zoe.Achterberg@contoso.com"),
    ("preferredLanguage", "nl-NL"),
    ("givenName", "Zoë"),
    ("surname", "Achterberg"),
    ("streetAddress", "Oude Delft 1"),
    ("city", "Delft"),
    ("state", "SA"),
    ("postalCode", "2611"),
    ("country", "NL"),
    ("mobile", "+31 (015) 888-7777"),
    ("department", "Research"),
    ("hireDate", "2020-12-31-08:00"),
    ("manager", "u-0042"),
];

/// Measures each typical mapping, and a whole user.
pub(super) fn run() -> Result<Table, Failure> {
    let mut table = Table::new(["mapping", "ns each", "allocations", "bytes"]);
    for text in TYPICAL {
        let mapping = [Mapping::of(text)?];
        table.row(measure(&mapping)?.row(text));
    }
    let mappings = USER.into_iter().map(Mapping::of).collect::<Result<Vec<_>, _>>()?;
    let found = measure(&mappings)?;
    table.row(found.row("a user with 20 attributes"));
    let users = format!("{:.0}", 1e9 / found.nanoseconds);
    table.row(["  users per second and core".to_owned(), users, String::new(), String::new()]);
    Ok(table)
}

/// A mapping with the values that it reads.
struct Mapping {
    compiled: Compiled,
    values: Vec<Value>,
}

impl Mapping {
    fn of(text: &str) -> Result<Self, Failure> {
        let compiled = expression::compile(&expression::parse(text)?);
        let value = |name: &str| VALUES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let values =
            compiled.attributes().iter().map(|name| value(name).map_or(Value::Null, Value::from)).collect();
        Ok(Self { compiled, values })
    }

    fn evaluate(&self, context: &mut Context<'_>) -> Result<Value, Failure> {
        let lookup: &dyn Lookup = &self.values.as_slice();
        Ok(self.compiled.evaluate(lookup, context)?.into_value())
    }
}

fn context(entropy: &dyn Entropy) -> Context<'_> {
    Context::new(Timestamp::UNIX_EPOCH, entropy).with_domains(Domains::default())
}

/// The figures of evaluating some mappings once.
struct Figures {
    nanoseconds: f64,
    allocations: f64,
    octets: f64,
}

impl Figures {
    fn row(&self, name: &str) -> [String; 4] {
        [
            name.to_owned(),
            format!("{:.0}", self.nanoseconds),
            format!("{:.2}", self.allocations),
            format!("{:.0}", self.octets),
        ]
    }
}

fn measure(mappings: &[Mapping]) -> Result<Figures, Failure> {
    let entropy = SystemEntropy;
    let mut context = context(&entropy);
    let mut batch = || -> Result<(), Failure> {
        for _ in 0..BATCH {
            for mapping in mappings {
                drop(black_box(mapping.evaluate(&mut context)?));
            }
        }
        Ok(())
    };
    batch()?;
    let mut outcome = Ok(());
    let counted = allocation_counter::measure(|| outcome = batch());
    outcome?;
    let (mut spans, begin) = (Vec::new(), Instant::now());
    while begin.elapsed() < SPAN || spans.len() < LEAST_BATCHES {
        let start = Instant::now();
        batch()?;
        spans.push(start.elapsed());
    }
    spans.sort_unstable();
    let middle = spans.get(spans.len() / 2).copied().unwrap_or_default();
    let each = f64::from(BATCH);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_evaluation = |total: u64| total as f64 / each;
    Ok(Figures {
        nanoseconds: middle.as_secs_f64() * 1e9 / each,
        allocations: per_evaluation(counted.count_total),
        octets: per_evaluation(counted.bytes_total),
    })
}
