//! The key `trusted_issuers`: a list of tables, each an outside issuer of tokens.

use std::collections::BTreeMap;

use directory::PERMISSIONS;
use model::{TenantId, Uuid};
use reqwest::Url;
use server::auth::{KeyAddress, TenantOf, TrustedIssuer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::is_loopback;
use super::texts::guid;

/// The key's name.
pub(super) const KEY: &str = "trusted_issuers";
/// How many issuers there may be.
const MOST: usize = 100;

/// One key of a table.
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What holds where it is not written, in words.
    pub(crate) default: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    set: fn(&mut Draft, &DeValue<'_>) -> Result<(), String>,
}

/// What of an issuer was read.
#[derive(Default)]
struct Draft {
    issuer: Option<String>,
    jwks_url: Option<String>,
    audiences: Vec<String>,
    tenant: Option<TenantId>,
    tenant_claim: Option<String>,
    client_claim: Option<String>,
    permissions_claim: Option<String>,
    permissions: Option<BTreeMap<String, Vec<String>>>,
    clients: BTreeMap<String, Uuid>,
}

/// What is wrong, and at which octet of the text.
type Mistake = (usize, String);

/// Every key of a table.
pub(crate) const FIELDS: &[Field] = &[
    Field {
        name: "issuer",
        default: "none: needed",
        about: "What `iss` of its tokens says, to the letter.",
        set: |draft, value| {
            draft.issuer = Some(text(value)?);
            Ok(())
        },
    },
    Field {
        name: "jwks_url",
        default: "what the issuer's `/.well-known/openid-configuration` says",
        about: "Address of its keys, a JSON Web Key Set: https, or http on loopback.",
        set: |draft, value| {
            draft.jwks_url = Some(address(&text(value)?)?);
            Ok(())
        },
    },
    Field {
        name: "audience",
        default: "none: needed",
        about: "What `aud` of a token must say: a text, or a list of which one suffices.",
        set: |draft, value| {
            draft.audiences = texts(value)?;
            Ok(())
        },
    },
    Field {
        name: "tenant",
        default: "none: this or `tenant_claim`",
        about: "Id of the tenant that its tokens speak for.",
        set: |draft, value| {
            draft.tenant = Some(TenantId(guid(&text(value)?)?));
            Ok(())
        },
    },
    Field {
        name: "tenant_claim",
        default: "none: this or `tenant`",
        about: "Claim that holds the tenant's id. The issuer then speaks for every tenant of the installation.",
        set: |draft, value| {
            draft.tenant_claim = Some(text(value)?);
            Ok(())
        },
    },
    Field {
        name: "client_claim",
        default: "the first there is of `azp`, `appid`, `client_id`, `sub`",
        about: "Claim that names the client.",
        set: |draft, value| {
            draft.client_claim = Some(text(value)?);
            Ok(())
        },
    },
    Field {
        name: "permissions_claim",
        default: "`roles`",
        about: "Claim that lists what the client may: its name, or a JSON Pointer such as `/realm_access/roles`.",
        set: |draft, value| {
            draft.permissions_claim = Some(text(value)?);
            Ok(())
        },
    },
    Field {
        name: "permissions",
        default: "a value stands for the permission of its name",
        about: "Table of the claim's values, each with the permission or the list of permissions that it stands for. Other values then stand for nothing.",
        set: |draft, value| {
            let read = |value: &DeValue<'_>| texts(value)?.into_iter().map(permission).collect();
            draft.permissions = Some(entries(value, read)?);
            Ok(())
        },
    },
    Field {
        name: "clients",
        default: "none: its clients own nothing",
        about: "Table of the issuer's clients, each with the application id of the tenant's client that it acts as.",
        set: |draft, value| {
            draft.clients = entries(value, |value| guid(&text(value)?))?;
            Ok(())
        },
    },
];

/// Reads the list as the text of a variable.
pub(super) fn parse(written: &str) -> Result<Vec<TrustedIssuer>, String> {
    let wanted =
        "write a list of tables as in the file, such as [{issuer = \"…\", audience = \"…\", tenant = \"…\"}]";
    let document = format!("{KEY} = {written}\n");
    let table = DeTable::parse(&document).map_err(|_| wanted.to_owned())?;
    // What follows the list would be other keys.
    let single = table.get_ref().len() == 1;
    let value = table.get_ref().get(KEY).filter(|_| single).ok_or_else(|| wanted.to_owned())?;
    let words =
        |mistakes: Vec<Mistake>| mistakes.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join("; ");
    read(value).map_err(words)
}

/// Reads the list, and finds every mistake in it.
pub(super) fn read(value: &Spanned<DeValue<'_>>) -> Result<Vec<TrustedIssuer>, Vec<Mistake>> {
    let at = value.span().start;
    let DeValue::Array(tables) = value.get_ref() else {
        return Err(vec![(at, format!("{KEY} is a list of tables: begin each with [[{KEY}]]"))]);
    };
    if tables.len() > MOST {
        return Err(vec![(at, format!("{KEY} has more than {MOST} issuers"))]);
    }
    let (mut issuers, mut mistakes) = (Vec::<TrustedIssuer>::new(), Vec::new());
    for table in tables {
        let at = table.span().start;
        match one(table) {
            Ok(issuer) if issuers.iter().any(|other| other.issuer == issuer.issuer) => {
                mistakes.push((at, format!("the issuer '{}' is there twice: leave one", issuer.issuer)));
            }
            Ok(issuer) => issuers.push(issuer),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() { Ok(issuers) } else { Err(mistakes) }
}

fn one(value: &Spanned<DeValue<'_>>) -> Result<TrustedIssuer, Vec<Mistake>> {
    let at = value.span().start;
    let DeValue::Table(table) = value.get_ref() else {
        return Err(vec![(at, format!("{KEY} is a list of tables: begin each with [[{KEY}]]"))]);
    };
    let (mut draft, mut mistakes) = (Draft::default(), Vec::new());
    for (name, value) in table {
        let written = name.get_ref().as_ref();
        let Some(field) = FIELDS.iter().find(|field| field.name == written) else {
            let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
            let words = format!("{KEY} has no key '{written}'; it has {}", names.join(", "));
            mistakes.push((name.span().start, words));
            continue;
        };
        if let Err(mend) = (field.set)(&mut draft, value.get_ref()) {
            mistakes.push((value.span().start, format!("{written} of {KEY}: {mend}")));
        }
    }
    mistakes.sort();
    if mistakes.is_empty() { draft.finish().map_err(|words| vec![(at, words)]) } else { Err(mistakes) }
}

impl Draft {
    /// The issuer, where nothing is missing.
    fn finish(self) -> Result<TrustedIssuer, String> {
        let issuer = self.issuer.ok_or_else(|| format!("an entry of {KEY} needs issuer"))?;
        if self.audiences.is_empty() {
            return Err(format!("the issuer '{issuer}' needs audience: what aud of its tokens says"));
        }
        let tenant = match (self.tenant, self.tenant_claim) {
            (Some(id), None) => TenantOf::Fixed(id),
            (None, Some(claim)) => TenantOf::Claim(claim),
            _ => return Err(format!("the issuer '{issuer}' needs either tenant or tenant_claim")),
        };
        let keys = match self.jwks_url {
            Some(address) => KeyAddress::At(address),
            None if address(&issuer).is_ok() => KeyAddress::Discovered,
            None => return Err(format!("the issuer '{issuer}' is no https address, and so needs jwks_url")),
        };
        Ok(TrustedIssuer {
            issuer,
            keys,
            audiences: self.audiences,
            tenant,
            client_claim: self.client_claim,
            permissions_claim: self.permissions_claim.unwrap_or_else(|| "roles".to_owned()),
            permissions: self.permissions,
            clients: self.clients,
        })
    }
}

/// True for the addresses that keys are read from.
pub(crate) fn is_safe(url: &Url) -> bool {
    let clear = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    clear
        && match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(is_loopback),
            _ => false,
        }
}

fn address(text: &str) -> Result<String, String> {
    let safe = text.parse().is_ok_and(|url| is_safe(&url));
    let wanted = || "write an address such as https://login.example.com/keys, or http on loopback".to_owned();
    safe.then(|| text.to_owned()).ok_or_else(wanted)
}

fn text(value: &DeValue<'_>) -> Result<String, String> {
    let text = value.as_str().filter(|text| !text.trim().is_empty());
    text.map(str::to_owned).ok_or_else(|| "write a text in quotes".to_owned())
}

/// A list of texts; one text is a list of itself.
fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let wanted = || "write a text in quotes, or a list of them".to_owned();
    match value {
        DeValue::Array(several) => {
            several.iter().map(|one| text(one.get_ref()).map_err(|_| wanted())).collect()
        }
        one => Ok(vec![text(one).map_err(|_| wanted())?]),
    }
}

fn entries<T>(
    value: &DeValue<'_>,
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, String> {
    let DeValue::Table(table) = value else {
        return Err("write a table, such as {\"theirs\" = \"ours\"}".to_owned());
    };
    let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &str = <std::borrow::Cow<'_, str> as AsRef<str>>::as_ref(name.get_ref());
        let read = read(value.get_ref()).map_err(|mend| format!("'{name}': {mend}"))?;
        Ok((name.to_owned(), read))
    };
    table.iter().map(entry).collect()
}

fn permission(name: String) -> Result<String, String> {
    if PERMISSIONS.iter().any(|permission| permission.value == name) {
        return Ok(name);
    }
    let likeness = |value: &str| strsim::jaro_winkler(value, &name);
    let nearest =
        PERMISSIONS.iter().max_by(|one, other| likeness(one.value).total_cmp(&likeness(other.value)));
    let nearest = nearest.map_or("", |permission| permission.value);
    Err(format!("there is no permission '{name}'; did you mean '{nearest}'?"))
}
