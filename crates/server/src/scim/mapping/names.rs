//! The names that Graph demands of every user, from those that SCIM clients choose.

/// Letters that may stand before the `@` of a user principal name.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "'.-_!#^~+".contains(letter)
}

/// The user principal name of a `userName`: the name itself where it has the form of one. Else what such a name cannot
/// hold is written as its UTF-8 octets in hexadecimal, each after a `~`, and the tenant's domain follows. Names that
/// differ in more than case have different principal names.
pub(in crate::scim) fn principal_name(user_name: &str, domain: &str) -> String {
    if is_principal_name(user_name) {
        return user_name.to_owned();
    }
    let mut name = String::with_capacity(user_name.len() + domain.len() + 1);
    for letter in user_name.chars() {
        if is_plain(letter) {
            name.push(letter);
            continue;
        }
        // Of one case, because the directory compares names without regard to it.
        for small in letter.to_lowercase() {
            for octet in small.encode_utf8(&mut [0; 4]).bytes() {
                name.push('~');
                name.extend([octet >> 4, octet & 15].into_iter().filter_map(hexadecimal));
            }
        }
    }
    format!("{name}@{domain}")
}

/// How the principal names begin of all names that begin so.
pub(in crate::scim) fn principal_name_start(beginning: &str) -> &str {
    let end = beginning.find(|letter| !is_plain(letter)).unwrap_or(beginning.len());
    beginning.get(..end).unwrap_or_default()
}

fn hexadecimal(digit: u8) -> Option<char> {
    char::from_digit(u32::from(digit), 16)
}

fn is_principal_name(name: &str) -> bool {
    let Some((local, domain)) = name.split_once('@') else { return false };
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    !local.is_empty() && local.chars().all(is_plain) && domain.len() <= 255 && domain.split('.').all(label)
}

/// Characters of a mail nickname.
const NICKNAME: usize = 64;

/// A mail nickname: the part before the `@`, or what of a group's name can stand in an address.
pub(super) fn nickname(name: &str) -> String {
    let local = name.split_once('@').map_or(name, |(local, _)| local);
    let plain: String = local
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter))
        .take(NICKNAME)
        .collect();
    if plain.is_empty() { "unnamed".to_owned() } else { plain }
}
