//! The organization that is provisioned: made-up people with managers, small groups and one large one.

use std::path::Path;

use directory::{NewObject, ObjectKind, Relation, RelationKind};
use model::{Entropy as _, Object, Uuid, Value};
use serde_json::{Map, Value as Json, json};
use testkit::{SeededEntropy, people};

use super::world::{World, template};
use crate::graph::Failure;

const SEED: u64 = 7;
/// Users for each group of [`MEMBERS`].
const USERS_PER_GROUP: usize = 250;
const MEMBERS: u64 = 50;
/// One in so many is in the large group.
const LARGE_GROUP: u64 = 10;
/// Objects and relations of one import.
const IMPORT: usize = 10_000;

/// The ids of the users, by number.
pub(super) fn user_ids(users: usize) -> Vec<Uuid> {
    let entropy = SeededEntropy::new(SEED);
    (0..users).map(|_| entropy.uuid()).collect()
}

/// How many groups go with so many users.
fn groups(users: usize) -> usize {
    users / USERS_PER_GROUP + 1
}

/// Fills the directory in a folder and makes a job that provisions everybody.
pub(super) async fn fill(folder: &Path, users: usize) -> Result<(), Failure> {
    let world = World::open(folder, None).await?;
    let ids = user_ids(users);
    let directory = world.make_tenant().await?;
    let id_of = |number: u64| usize::try_from(number).ok().and_then(|number| ids.get(number).copied());
    let numbers: Vec<u64> = (0..).take(users).collect();
    for stretch in numbers.chunks(IMPORT) {
        let people = stretch.iter().map(|number| people::user(SEED, *number));
        let new = people.zip(stretch).map(|(person, number)| NewObject {
            kind: ObjectKind::User,
            id: id_of(*number),
            properties: user(&person),
        });
        directory.import(new.collect(), Vec::new()).await?;
    }
    let managers: Vec<Relation> =
        numbers.iter().filter_map(|number| manager(&people::user(SEED, *number), *number, &id_of)).collect();
    let mut relations = managers;
    let entropy = SeededEntropy::new(SEED + 1);
    let count = u64::try_from(users)?;
    for number in 0..u64::try_from(groups(users))? {
        let size = if number == 0 { count / LARGE_GROUP } else { MEMBERS };
        let id = entropy.uuid();
        let group = NewObject { kind: ObjectKind::Group, id: Some(id), properties: group(number) };
        directory.import(vec![group], Vec::new()).await?;
        let members = people::members(SEED, number, count, size).into_iter().filter_map(&id_of);
        relations.extend(members.map(|to| Relation { kind: RelationKind::Member, from: id, to }));
    }
    for stretch in relations.chunks(IMPORT) {
        directory.import(Vec::new(), stretch.to_vec()).await?;
    }
    world.make_job(&template()?).await?;
    Ok(())
}

fn manager(person: &Object, number: u64, id_of: &impl Fn(u64) -> Option<Uuid>) -> Option<Relation> {
    let manager = person.get("manager").as_reference()?;
    let to = (0..1_000).find(|number| people::user_anchor(*number) == *manager).and_then(id_of)?;
    Some(Relation { kind: RelationKind::Manager, from: id_of(number)?, to })
}

/// A person as Graph spells the properties.
fn user(person: &Object) -> Map<String, Json> {
    let mut properties = Map::new();
    for (name, value) in person.attributes.iter() {
        let value = match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Boolean(truth) => Json::from(*truth),
            _ => continue,
        };
        if name == "telephoneNumber" {
            properties.insert("businessPhones".to_owned(), json!([value]));
        } else {
            properties.insert(name.to_string(), value);
        }
    }
    properties
}

fn group(number: u64) -> Map<String, Json> {
    let group = people::group(number);
    let mut properties = user(&group);
    properties.insert("mailEnabled".to_owned(), Json::from(false));
    properties.insert("securityEnabled".to_owned(), Json::from(true));
    properties
}
