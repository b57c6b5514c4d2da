//! Made-up people and groups as objects, the same ones for the same seed.

use model::{Anchor, Name, Object, Value};

use crate::clock::{SeededEntropy, mixed};

/// Given names, with letters beyond ASCII, combining marks, apostrophes and right-to-left script among them.
const GIVEN: [&str; 16] = [
    "Amélie",
    "Björn",
    "Chloë",
    "Dragoş",
    "Eiji",
    "François",
    "Gülşen",
    "Hélène",
    "İlker",
    "Jürgen",
    "Κώστας",
    "Łukasz",
    "Mária",
    "Nuño",
    "Øyvind",
    "שירה",
];

/// Family names, with spaces, hyphens, quotes and backslashes among them.
const FAMILY: [&str; 16] = [
    "Ångström",
    "O'Brien",
    "Çelik",
    "Díaz-Núñez",
    "von der Ecke",
    "Fünfstück",
    "Grün\\Weiß",
    "Håkansson",
    "Iñíguez",
    "Jovanović",
    "Kovács",
    "Lê",
    "Müller \"Mo\" Meier",
    "Ngũgĩ",
    "Œuvrard",
    "山田",
];

const DEPARTMENTS: [&str; 5] = ["Research & Development", "Sales", "Legal/Compliance", "Küche", "IT \"Ops\""];

const TITLES: [&str; 4] = ["Engineer", "Assistant", "Directrice", "Café manager"];

/// The anchor of the user of a number.
#[must_use]
pub fn user_anchor(number: u64) -> Anchor {
    Anchor::new(format!("user-{number:07}"))
}

/// The anchor of the group of a number.
#[must_use]
pub fn group_anchor(number: u64) -> Anchor {
    Anchor::new(format!("group-{number:05}"))
}

/// The user of a number: the attributes that the default mappings read, `accountEnabled`, and a manager, who is a user
/// of a smaller number; the first has none. User principal names are unique.
#[must_use]
pub fn user(seed: u64, number: u64) -> Object {
    let entropy = SeededEntropy::new(mixed(seed) ^ number);
    let drawn = |from: &'static [&'static str]| {
        let place = usize::try_from(entropy.below(from.len() as u64)).unwrap_or(0);
        from.get(place).copied().unwrap_or("")
    };
    let (given, family) = (drawn(&GIVEN), drawn(&FAMILY));
    let login = format!("user{number}@example.com");
    let mut object = Object::new("User", user_anchor(number).as_str())
        .with("userPrincipalName", login.as_str())
        .with("mailNickname", format!("user{number}"))
        .with("mail", login)
        .with("displayName", format!("{given} {family}"))
        .with("givenName", given)
        .with("surname", family)
        .with("jobTitle", drawn(&TITLES))
        .with("department", drawn(&DEPARTMENTS))
        .with("employeeId", format!("{:06}", number + 1))
        .with("telephoneNumber", format!("+49 30 {:07}", entropy.below(10_000_000)))
        .with("preferredLanguage", "de-DE")
        .with("city", "Köln")
        .with("country", "DE")
        .with("accountEnabled", true);
    if number > 0 {
        let manager = user_anchor(entropy.below(number.min(1000)));
        object.attributes.set("manager", Value::Reference(manager));
    }
    object
}

/// Users by rising number. Large organizations need not be held in memory at once.
pub fn users(seed: u64, count: u64) -> impl Iterator<Item = Object> {
    (0..count).map(move |number| user(seed, number))
}

/// The group of a number, without its members.
#[must_use]
pub fn group(number: u64) -> Object {
    let names: [Name; 3] = ["Équipe".into(), "Team \"Q\"".into(), "Gruppe \\ Büro".into()];
    let place = usize::try_from(number % 3).unwrap_or(0);
    let name = names.get(place).cloned().unwrap_or_default();
    Object::new("Group", group_anchor(number).as_str())
        .with("displayName", format!("{name} {number}"))
        .with("mailNickname", format!("group{number}"))
}

/// The numbers of a group's members among so many users: about `size` of them, drawn by the seed, each once.
#[must_use]
pub fn members(seed: u64, group: u64, users: u64, size: u64) -> Vec<u64> {
    let entropy = SeededEntropy::new(mixed(seed) ^ mixed(group));
    let mut members: Vec<u64> = (0..size).map(|_| entropy.below(users)).collect();
    members.sort_unstable();
    members.dedup();
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_the_same_for_the_same_seed() {
        let drawn = |seed| users(seed, 50).collect::<Vec<_>>();
        assert_eq!(drawn(3), drawn(3));
        assert_ne!(drawn(3), drawn(4));
    }

    #[test]
    fn values_are_difficult_enough() {
        let names: String = users(1, 200).map(|user| user.get("displayName").to_string()).collect();
        assert!(names.contains('"') && names.contains('\\') && names.contains('\'') && !names.is_ascii());
    }

    #[test]
    fn nobody_is_their_own_manager() {
        for user in users(5, 300).skip(1) {
            let manager = user.get("manager").as_reference().unwrap();
            assert!(*manager < user.anchor, "{} reports to {manager}", user.anchor);
        }
    }

    #[test]
    fn members_are_distinct_and_within_bounds() {
        let members = members(9, 1, 40, 30);
        assert!(members.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(members.iter().all(|member| *member < 40) && members.len() > 10);
    }
}
