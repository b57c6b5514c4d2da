//! `entente expr`: evaluates an expression offline.

use std::fmt::Display;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use expression::{AnyAttributes, Context, Domains, Flow, Located, Placement, render_caret};
use model::settings::{JobSettings, Setting};
use model::{Attributes, Clock as _, Name, SystemClock, SystemEntropy, Value};
use serde_json::Value as Json;

/// Input files are read up to this size.
const MOST_OCTETS: u64 = 1 << 20;
/// Objects in the input may be nested so deep.
const DEEPEST: usize = 16;

#[derive(Args)]
#[command(after_help = "Examples:
  entente expr 'Join(\" \", [givenName], [surname])' --set givenName=Ada --set surname=Lovelace
  entente expr 'ToLower([mail])' --input user.json
  entente expr 'Join(\", \", [roles])' --set roles=reader --set roles=writer
  entente expr 'Append(\"ada@\", %DomainFQDN%)' --setting DomainFQDN=contoso.com
  entente expr 'IIF([department] = \"Sales\", \"EMEA\", \"None\")' --tree")]
pub(crate) struct Arguments {
    /// The expression; put it in single quotes for the shell.
    expression: String,
    /// A JSON object with the attributes of the source object; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// One value of an attribute, as text; repeat it for more attributes, or for more values of the same one. Takes the
    /// place of what the file has.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// A setting of the job, which the expression reads as `%NAME%`: `DomainFQDN` or `DomainNetBios`.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    setting: Vec<(String, String)>,
    /// What `DefaultDomain()` gives.
    #[arg(long, value_name = "DOMAIN")]
    default_domain: Option<String>,
    /// Shows the expression as an `attributeMappingSource` of the Graph API in place of its value.
    #[arg(long)]
    tree: bool,
    /// How the value is written: plain text, several values on lines of their own; or JSON.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as department=Sales".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let text = arguments.expression.as_str();
    let pointed =
        |error: &dyn Located| anyhow!("the expression does not work\n{}", render_caret(text, error));
    let tree = expression::parse(text).map_err(|error| pointed(&error))?;
    if let Err(errors) = expression::check(&tree, &AnyAttributes, Placement::ANYWHERE) {
        let shown: Vec<String> = errors.iter().map(|error| render_caret(text, error)).collect();
        bail!("the expression does not work\n{}", shown.join("\n"));
    }
    if arguments.tree {
        return put(&serde_json::to_string_pretty(&expression::to_source(&tree))?);
    }
    let compiled = expression::compile(&tree);
    let attributes = attributes(arguments)?;
    for absent in compiled.attributes().iter().filter(|name| attributes.get(name).is_null()) {
        let advice =
            near(absent, &attributes).map_or_else(String::new, |name| format!("; did you mean [{name}]?"));
        eprintln!("note: [{absent}] has no value in the input, so it is null{advice}");
    }
    let mut context = Context::new(SystemClock.now(), &SystemEntropy).with_domains(domains(arguments)?);
    match compiled.evaluate_object(&attributes, &mut context).map_err(|error| pointed(&error))? {
        Flow::Value(value) => print(&value, arguments.output),
        Flow::Ignore => {
            eprintln!("note: nothing flows: the target attribute is left as it is");
            Ok(())
        }
    }
}

/// The names of domains, from the settings of a job as they are given.
fn domains(arguments: &Arguments) -> Result<Domains> {
    let pairs: Vec<Setting> = arguments
        .setting
        .iter()
        .map(|(name, value)| Setting { name: name.trim_matches('%').to_owned(), value: value.clone() })
        .collect();
    let settings = JobSettings::parse(&pairs)?;
    Ok(Domains {
        default: arguments.default_domain.as_deref().map(Name::from),
        fqdn: settings.domain_fqdn,
        net_bios: settings.domain_net_bios,
    })
}

/// The attribute of the input whose name comes near.
fn near<'a>(name: &str, attributes: &'a Attributes) -> Option<&'a Name> {
    let (wanted, most) = (name.to_lowercase(), name.chars().count().div_ceil(3));
    attributes
        .iter()
        .map(|(known, _)| (strsim::damerau_levenshtein(&known.to_lowercase(), &wanted), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn print(value: &Value, form: Form) -> Result<()> {
    match form {
        Form::Json => put(&json(value)),
        Form::Text if value.is_null() => {
            eprintln!("note: the value is null");
            Ok(())
        }
        Form::Text => value.values().iter().try_for_each(|one| put(one)),
    }
}

/// A line of the answer. Whoever reads it may stop when they have seen enough, as `head` does.
fn put(line: &dyn Display) -> Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the answer")
        }
        _ => Ok(()),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => Json::from(*number),
        Value::Boolean(truth) => Json::from(*truth),
        Value::DateTime(moment) => Json::from(moment.to_string()),
        Value::List(values) => values.iter().map(json).collect(),
        Value::Text(_) | Value::Binary(_) | Value::Reference(_) => Json::from(value.to_string()),
    }
}

fn attributes(arguments: &Arguments) -> Result<Attributes> {
    let mut found = Vec::new();
    if let Some(path) = &arguments.input {
        let shown = path.display();
        let text = read(path).with_context(|| format!("cannot read {shown}"))?;
        match serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))? {
            Json::Object(entries) => {
                for (name, value) in entries {
                    collect(&mut found, name, value, 0).with_context(|| shown.to_string())?;
                }
            }
            _ => bail!("{shown} must hold one JSON object, such as {{\"givenName\": \"Ada\"}}"),
        }
    }
    let mut attributes: Attributes = found.into_iter().collect();
    let mut given: Vec<(&str, Vec<Value>)> = Vec::new();
    for (name, text) in &arguments.set {
        match given.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(Value::text(text)),
            None => given.push((name, vec![Value::text(text)])),
        }
    }
    for (name, mut values) in given {
        let one = if values.len() == 1 { values.pop() } else { None };
        attributes.set(name, one.unwrap_or_else(|| Value::list(values)));
    }
    Ok(attributes)
}

/// The text of a file or of standard input, up to the limit.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let reader: Box<dyn io::Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(fs::File::open(path)?) };
    reader.take(MOST_OCTETS + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_OCTETS {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    Ok(text)
}

/// Spreads a JSON value over attributes: an object's properties are named `outer.inner`.
fn collect(found: &mut Vec<(Name, Value)>, name: String, value: Json, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        bail!("'{name}' is nested deeper than {DEEPEST} levels");
    }
    if let Json::Object(inner) = value {
        for (property, value) in inner {
            collect(found, format!("{name}.{property}"), value, depth + 1)?;
        }
        return Ok(());
    }
    found.push((name.into(), scalar(value)));
    Ok(())
}

fn scalar(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Boolean(truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::text(number.to_string()),
        },
        Json::String(text) => Value::text(text),
        Json::Array(values) => Value::list(values.into_iter().map(scalar)),
        // Objects in a list, such as role assignments, reach functions as the text that they are.
        object @ Json::Object(_) => Value::text(object.to_string()),
    }
}
