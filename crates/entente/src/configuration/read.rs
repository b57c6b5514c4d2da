//! Reading the three places and telling what is wrong with them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use server::auth::TrustedIssuer;
use toml::de::{DeTable, DeValue};

use super::keys::Key;
use super::{Configuration, FILE, KEYS, Place, Problem, Tls, is_loopback, issuers};
use crate::notifications::MailTls;

/// A configuration file is read up to this size.
const MOST_OCTETS: u64 = 1 << 20;
/// What environment variables of the service begin with.
const PREFIX: &str = "ENTENTE_";
/// Variables of tests and rigs, which the service does not read.
const OTHERS: [&str; 3] = ["ENTENTE_BIN", "ENTENTE_SCIM2_SERVER", "ENTENTE_CONFIG"];

/// What reading gave: the configuration as far as it could be read, where each value comes from, and what is wrong.
pub(crate) struct Reading {
    pub(crate) configuration: Configuration,
    /// For each key, its text and its place; secrets without their text.
    pub(crate) values: Vec<(&'static Key, Option<String>, Place)>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// What keeps the service from starting.
    pub(crate) problems: Vec<Problem>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
    /// Keys whose text was of no use.
    refused: Vec<&'static str>,
}

/// Reads the configuration. `file` must exist where it is given; otherwise [`FILE`] is read where it exists.
/// `variables` are the process's, `options` those of the command line that were given.
pub(crate) fn read(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    options: &[(&'static str, String)],
) -> Reading {
    let mut reading = Reading {
        configuration: Configuration::default(),
        values: KEYS.iter().map(|key| (key, None, Place::Default)).collect(),
        file: None,
        problems: Vec::new(),
        notes: Vec::new(),
        refused: Vec::new(),
    };
    reading.read_file(file);
    reading.read_variables(variables);
    for (option, text) in options {
        if let Some(key) = KEYS.iter().find(|key| key.option == Some(option)) {
            reading.take(key.name, text, Place::Option(option));
        }
    }
    reading.check_together();
    reading
}

impl Reading {
    /// Where a key's value comes from.
    fn place(&self, name: &str) -> Place {
        let found = self.values.iter().find(|(key, ..)| key.name == name);
        found.map_or(Place::Default, |(.., place)| place.clone())
    }

    fn problem(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem { place, message: message.into() });
    }

    fn take(&mut self, name: &str, text: &str, place: Place) {
        let Some(value) = self.values.iter_mut().find(|(key, ..)| key.name == name) else { return };
        let key = value.0;
        match key.set(&mut self.configuration, text) {
            Ok(()) => {
                value.1 = (!key.secret).then(|| text.to_owned());
                value.2 = place;
            }
            Err(mend) => {
                self.refused.push(key.name);
                let shown = if key.secret { "of no use".to_owned() } else { format!("'{text}'") };
                self.problem(place, format!("{name} is {shown}: {mend}"));
            }
        }
    }

    fn read_file(&mut self, named: Option<&Path>) {
        let path = named.map_or_else(|| PathBuf::from(FILE), Path::to_path_buf);
        let start = Place::File { path: path.clone(), line: 1, column: 1 };
        let text = match contents(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.problem(start, format!("cannot be read: {error}")),
        };
        self.file = Some(path.clone());
        let place = |offset: usize| {
            let before = text.get(..offset).unwrap_or(&text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            Place::File { path: path.clone(), line, column }
        };
        let table = match DeTable::parse(&text) {
            Ok(table) => table,
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                return self.problem(place(offset), error.message().trim_end());
            }
        };
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let at = place(name.span().start);
            let Some(key) = KEYS.iter().find(|key| key.name == name.get_ref().as_ref()) else {
                let name = name.get_ref();
                self.problem(at, format!("there is no key '{name}'; {}", mend(name, |key| key.name)));
                continue;
            };
            if key.secret {
                let mend = format!(
                    "{} does not belong in a file: put it into the variable {}",
                    key.name, key.variable
                );
                self.problem(at, mend);
                continue;
            }
            if key.name == issuers::KEY {
                self.take_issuers(issuers::read(value), place(value.span().start), place);
                continue;
            }
            let at = place(value.span().start);
            match value.get_ref() {
                DeValue::String(text) => self.take(key.name, text, at),
                DeValue::Boolean(truth) => self.take(key.name, &truth.to_string(), at),
                DeValue::Integer(number) => self.take(key.name, &number.to_string(), at),
                other => self.problem(at, format!("{} is {}: write a text in quotes", key.name, kind(other))),
            }
        }
    }

    /// Takes over the issuers of the file, or what is wrong with them and where.
    fn take_issuers(
        &mut self,
        read: Result<Vec<TrustedIssuer>, Vec<(usize, String)>>,
        at: Place,
        place: impl Fn(usize) -> Place,
    ) {
        match read {
            Ok(issuers) => {
                let names: Vec<&str> = issuers.iter().map(|one| one.issuer.as_str()).collect();
                let shown = names.join(", ");
                if let Some(value) = self.values.iter_mut().find(|(key, ..)| key.name == issuers::KEY) {
                    (value.1, value.2) = (Some(shown), at);
                }
                self.configuration.issuers = issuers;
            }
            Err(mistakes) => {
                for (offset, words) in mistakes {
                    self.problem(place(offset), words);
                }
            }
        }
    }

    fn read_variables(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut variables: Vec<(OsString, OsString)> = variables.into_iter().collect();
        variables.sort();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let Some(key) = KEYS.iter().find(|key| key.variable == name) else {
                if !OTHERS.contains(&name) {
                    self.notes
                        .push(format!("there is no variable '{name}'; {}", mend(name, |key| key.variable)));
                }
                continue;
            };
            match value.to_str() {
                Some(text) => self.take(key.name, text, Place::Variable(key.variable)),
                None => self.problem(Place::Variable(key.variable), "it is not UTF-8"),
            }
        }
    }

    /// What only values together can get wrong.
    fn check_together(&mut self) {
        let configuration = &self.configuration;
        if configuration.tls.is_none()
            && !configuration.allow_plain_http
            && !configuration.listen.is_loopback()
        {
            let message = format!(
                "{} can be reached from outside, and plain HTTP shows tokens to everybody on the way: set tls, or \
                 allow_plain_http = true behind a proxy that does TLS",
                configuration.listen
            );
            self.problem(self.place("listen"), message);
        }
        if let Some(Tls::Files { certificate, key }) = self.configuration.tls.clone() {
            for file in [certificate, key] {
                if let Err(error) = File::open(&file) {
                    self.problem(self.place("tls"), format!("{} cannot be read: {error}", file.display()));
                }
            }
        }
        let configuration = &self.configuration;
        let mail = &configuration.mail;
        let pairs = [
            [
                ("bootstrap_client_id", configuration.bootstrap_client.is_some()),
                ("bootstrap_client_secret", configuration.bootstrap_secret.is_some()),
            ],
            [("mail_server", !mail.host.is_empty()), ("mail_from", mail.from.is_some())],
            [("mail_user", mail.user.is_some()), ("mail_password", mail.password.is_some())],
            [
                ("webhook_url", configuration.webhook_url.is_some()),
                ("webhook_secret", configuration.webhook_secret.is_some()),
            ],
        ];
        let plain_mail = mail.tls == MailTls::None && !mail.host.is_empty() && !is_loopback(&mail.host);
        let short = configuration.bootstrap_secret.as_ref().is_some_and(|secret| secret.chars().count() < 16);
        for pair in pairs {
            if let [(given, true), (missing, false)] | [(missing, false), (given, true)] = pair
                // What was written and is of no use has its problem already.
                && !self.refused.contains(&missing)
            {
                self.problem(
                    self.place(given),
                    format!("{given} needs {missing} beside it: set both or none"),
                );
            }
        }
        if plain_mail {
            let message = "mail would cross the network in clear: write starttls or tls";
            self.problem(self.place("mail_tls"), message);
        }
        if short {
            let message = "bootstrap_client_secret has fewer than 16 characters, and its client holds every permission: \
                           choose a longer one";
            self.notes.push(message.to_owned());
        }
    }
}

fn contents(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_OCTETS + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_OCTETS {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    Ok(text)
}

/// What was probably meant by a name that does not exist.
fn mend(name: &str, name_of: fn(&Key) -> &'static str) -> String {
    let likeness = |key: &&Key| strsim::jaro_winkler(name_of(key), name);
    let nearest = KEYS.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match nearest.filter(|key| likeness(key) > 0.75) {
        Some(key) => format!("did you mean '{}'?", name_of(key)),
        None => "`entente check --keys` lists them all".to_owned(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Float(_) => "a fraction",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        DeValue::String(_) | DeValue::Boolean(_) | DeValue::Integer(_) => "a text",
    }
}
