//! A sample organization: people with managers, and groups, as the Graph API takes them. The same numbers give the
//! same organization.

use serde_json::{Map, Value as Json, json};

/// What the addresses and principal names of the people end in.
pub(crate) const DOMAIN: &str = "larkfield.example";

/// Given names, and how they are written in addresses.
const GIVEN: [(&str, &str); 32] = [
    ("Amélie", "amelie"),
    ("Björn", "bjorn"),
    ("Chloë", "chloe"),
    ("Dragoș", "dragos"),
    ("Eszter", "eszter"),
    ("François", "francois"),
    ("Gülşen", "gulsen"),
    ("Hélène", "helene"),
    ("İlker", "ilker"),
    ("Jürgen", "jurgen"),
    ("Katarzyna", "katarzyna"),
    ("Łukasz", "lukasz"),
    ("Mária", "maria"),
    ("Nuño", "nuno"),
    ("Øyvind", "oyvind"),
    ("Paweł", "pawel"),
    ("Quynh", "quynh"),
    ("Renée", "renee"),
    ("Søren", "soren"),
    ("Tomáš", "tomas"),
    ("Ülle", "ulle"),
    ("Věra", "vera"),
    ("William", "william"),
    ("Xóchitl", "xochitl"),
    ("Yıldız", "yildiz"),
    ("Zoë", "zoe"),
    ("Anaïs", "anais"),
    ("Aoife", "aoife"),
    ("Iñaki", "inaki"),
    ("Jean-Luc", "jean-luc"),
    ("Mercè", "merce"),
    ("Ngozi", "ngozi"),
];

/// Family names, and how they are written in addresses.
const FAMILY: [(&str, &str); 32] = [
    ("Ångström", "angstrom"),
    ("O'Brien", "o'brien"),
    ("Çelik", "celik"),
    ("Díaz-Núñez", "diaz-nunez"),
    ("von der Ecke", "vonderecke"),
    ("Fünfstück", "funfstuck"),
    ("García", "garcia"),
    ("Håkansson", "hakansson"),
    ("Iñíguez", "iniguez"),
    ("Jovanović", "jovanovic"),
    ("Kovács", "kovacs"),
    ("Lê", "le"),
    ("Müller", "muller"),
    ("Nováková", "novakova"),
    ("Öztürk", "ozturk"),
    ("Pérez", "perez"),
    ("Quintão", "quintao"),
    ("Rodríguez", "rodriguez"),
    ("Šťastný", "stastny"),
    ("Thøgersen", "thogersen"),
    ("Ünal", "unal"),
    ("van 't Hoff", "vanthoff"),
    ("Wójcik", "wojcik"),
    ("Ximénez", "ximenez"),
    ("Yılmaz", "yilmaz"),
    ("Żak", "zak"),
    ("Bergström", "bergstrom"),
    ("Achterberg", "achterberg"),
    ("Adeyemi", "adeyemi"),
    ("Lindqvist", "lindqvist"),
    ("Mac Giolla", "macgiolla"),
    ("Tōdō", "todo"),
];

/// Departments, with the titles of those who work there, the head's first.
const DEPARTMENTS: [(&str, [&str; 4]); 8] = [
    ("Research & Development", ["Head of Research", "Engineer", "Senior engineer", "Scientist"]),
    ("Sales", ["Head of Sales", "Account manager", "Sales assistant", "Key account manager"]),
    ("Support", ["Head of Support", "Support agent", "Support engineer", "Team lead"]),
    ("Finance", ["Chief financial officer", "Accountant", "Controller", "Auditor"]),
    ("People", ["Head of People", "Recruiter", "People partner", "Trainer"]),
    ("IT \"Ops\"", ["Head of IT", "Administrator", "Network engineer", "Analyst"]),
    ("Legal/Compliance", ["General counsel", "Lawyer", "Paralegal", "Privacy officer"]),
    ("Logistics", ["Head of Logistics", "Dispatcher", "Warehouse lead", "Planner"]),
];

/// Offices: city, region, postal code, country, street, language.
const OFFICES: [[&str; 6]; 6] = [
    ["Köln", "Nordrhein-Westfalen", "50667", "DE", "Große Neugasse 2", "de-DE"],
    ["Zürich", "Zürich", "8001", "CH", "Bahnhofstraße 14", "de-CH"],
    ["Kraków", "Małopolskie", "31-042", "PL", "Rynek Główny 7", "pl-PL"],
    ["São Paulo", "SP", "01310-100", "BR", "Avenida Paulista 1000", "pt-BR"],
    ["Reykjavík", "Höfuðborgarsvæðið", "101", "IS", "Skólavörðustígur 3", "is-IS"],
    ["Malmö", "Skåne", "211 20", "SE", "Östergatan 21", "sv-SE"],
];

/// What groups beside the departments are for.
const PURPOSES: [&str; 8] =
    ["Project", "Guild", "Office", "On call", "Café", "Board", "Works council", "Choir"];

/// People who report to one manager, at most.
const SPAN: usize = 8;
/// People of every group that is no department, about.
const GROUP_SIZE: usize = 18;

/// One person.
pub(crate) struct Person {
    /// Graph `user`, without a password.
    pub(crate) properties: Map<String, Json>,
    /// The manager's place among the people; managers come before those who report to them.
    pub(crate) manager: Option<usize>,
}

impl Person {
    /// The name for people.
    pub(crate) fn name(&self) -> &str {
        self.properties.get("displayName").and_then(Json::as_str).unwrap_or_default()
    }
}

/// One group.
pub(crate) struct Group {
    /// Graph `group`.
    pub(crate) properties: Map<String, Json>,
    /// The members' places among the people, rising.
    pub(crate) members: Vec<usize>,
}

impl Group {
    /// The name for people.
    pub(crate) fn name(&self) -> &str {
        self.properties.get("displayName").and_then(Json::as_str).unwrap_or_default()
    }
}

/// People and groups.
pub(crate) struct Organization {
    pub(crate) people: Vec<Person>,
    pub(crate) groups: Vec<Group>,
}

impl Organization {
    /// An organization of so many people, with four groups for every fifty of them, two at least.
    pub(crate) fn sample(people: usize) -> Self {
        let groups = (people * 4).div_ceil(50).clamp(2, 4000);
        let mut lots = Lots(0);
        Self {
            people: (0..people).map(|number| person(number, &mut lots)).collect(),
            groups: (0..groups).map(|number| group(number, people, &mut lots)).collect(),
        }
    }
}

/// The person of a number, who may be one that joins later.
pub(crate) fn person(number: usize, lots: &mut Lots) -> Person {
    let ((given, plain_given), (family, plain_family)) = (lots.of(&GIVEN), lots.of(&FAMILY));
    let (department, titles) = of(&DEPARTMENTS, number);
    let title = match titles.split_first() {
        Some((head, _)) if number < DEPARTMENTS.len() => *head,
        Some((_, others)) => of(others, number / DEPARTMENTS.len()),
        None => "",
    };
    let [city, region, postal_code, country, street, language] = lots.of(&OFFICES);
    let nickname = format!("{plain_given}.{plain_family}.{number}");
    let address = format!("{nickname}@{DOMAIN}");
    let floor = lots.below(9) + 1;
    let properties = json!({
        "accountEnabled": true,
        "displayName": format!("{given} {family}"),
        "givenName": given,
        "surname": family,
        "userPrincipalName": address,
        "mailNickname": nickname,
        "mail": address,
        "jobTitle": title,
        "department": department,
        "employeeId": format!("{:06}", number + 1),
        "businessPhones": [format!("+49 221 555 {number:05}")],
        "mobilePhone": format!("+49 170 {:07}", lots.below(10_000_000)),
        "officeLocation": format!("{city}, floor {floor}"),
        "streetAddress": street,
        "city": city,
        "state": region,
        "postalCode": postal_code,
        "country": country,
        "preferredLanguage": language,
    });
    let manager = match number {
        0 => None,
        head if head < DEPARTMENTS.len() => Some(0),
        other => Some(superior(other)),
    };
    Person { properties: members_of(properties), manager }
}

/// The manager within the department: people of one department are numbered in steps, heads first.
fn superior(number: usize) -> usize {
    let (place, department) = (number / DEPARTMENTS.len(), number % DEPARTMENTS.len());
    ((place - 1) / SPAN) * DEPARTMENTS.len() + department
}

fn group(number: usize, people: usize, lots: &mut Lots) -> Group {
    let (name, members) = if let Some((department, _)) = DEPARTMENTS.get(number) {
        ((*department).to_owned(), (number..people).step_by(DEPARTMENTS.len()).collect())
    } else {
        let mut members: Vec<usize> = (0..GROUP_SIZE.min(people)).map(|_| lots.below(people)).collect();
        members.sort_unstable();
        members.dedup();
        (format!("{} {number}", of(&PURPOSES, number)), members)
    };
    let properties = json!({
        "displayName": name,
        "description": format!("{name} of the sample organization"),
        "mailEnabled": false,
        "mailNickname": format!("group{number}"),
        "securityEnabled": true,
    });
    Group { properties: members_of(properties), members }
}

fn members_of(object: Json) -> Map<String, Json> {
    match object {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// The element at a place, counted round and round.
fn of<T: Copy + Default>(list: &[T], place: usize) -> T {
    let place = place.checked_rem(list.len()).unwrap_or(0);
    list.get(place).copied().unwrap_or_default()
}

/// Draws lots, the same ones every time.
pub(crate) struct Lots(u64);

impl Lots {
    /// Lots that continue after the first so many.
    pub(crate) fn after(drawn: u64) -> Self {
        Self(drawn)
    }

    fn below(&mut self, bound: usize) -> usize {
        // SplitMix64, which is good enough for names.
        self.0 += 1;
        let mut number = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let spread = (number ^ (number >> 31)) >> 32;
        usize::try_from(spread).unwrap_or(0).checked_rem(bound).unwrap_or(0)
    }

    fn of<T: Copy + Default>(&mut self, list: &[T]) -> T {
        of(list, self.below(list.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_sample_has_500_people_in_40_groups() {
        let sample = Organization::sample(500);
        assert_eq!((sample.people.len(), sample.groups.len()), (500, 40));
        assert!(sample.groups.iter().all(|group| !group.members.is_empty()));
        assert!(sample.groups.iter().flat_map(|group| &group.members).all(|member| *member < 500));
    }

    #[test]
    fn principal_names_differ_and_can_be_typed() {
        let sample = Organization::sample(2000);
        let names: HashSet<&str> = sample
            .people
            .iter()
            .map(|person| person.properties["userPrincipalName"].as_str().unwrap())
            .collect();
        assert_eq!(names.len(), 2000);
        assert!(names.iter().all(|name| name.is_ascii() && !name.contains(' ')));
    }

    #[test]
    fn managers_come_first_and_work_in_the_same_department() {
        let sample = Organization::sample(500);
        assert!(sample.people[0].manager.is_none());
        for (number, person) in sample.people.iter().enumerate().skip(1) {
            let manager = person.manager.unwrap();
            assert!(manager < number, "{number} reports to {manager}");
            let department = |number: usize| &sample.people[number].properties["department"];
            assert!(
                manager == 0 || department(manager) == department(number),
                "{number} reports to {manager}"
            );
        }
    }

    #[test]
    fn it_is_the_same_every_time() {
        let names = || -> Vec<String> {
            Organization::sample(50).people.iter().map(|person| person.name().to_owned()).collect()
        };
        assert_eq!(names(), names());
    }
}
