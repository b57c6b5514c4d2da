use testkit::SeededEntropy;

use model::Entropy as _;

use super::*;

/// An account with the values of its two matching attributes.
type Account = [Vec<u64>; 2];

/// An object with its link and its values for the matching attributes; none where it gives no value.
#[derive(Clone, Debug)]
struct Object {
    name: u64,
    link: Option<usize>,
    values: [Option<u64>; 2],
    assigned: bool,
}

/// Hashes of accounts' anchors and of values that cannot meet.
fn anchor(account: usize) -> u64 {
    1_000_000 + u64::try_from(account).unwrap()
}

fn value(attribute: usize, value: u64) -> u64 {
    1_000 * u64::try_from(attribute).unwrap() + value
}

/// What is known of every account, in the order of `accounts`, when they are listed in another order.
fn joined(accounts: &[Account], order: &[usize], objects: &[Object]) -> Vec<Standing> {
    let (mut listed, mut candidates) = (Accounts::default(), Candidates::default());
    for &account in order {
        let values = accounts[account].iter().enumerate();
        let values = values.flat_map(|(attribute, all)| all.iter().map(move |one| value(attribute, *one)));
        listed.add(std::iter::once(anchor(account)).chain(values));
    }
    for object in objects {
        let keys = object.values.iter().enumerate();
        let keys = keys.filter_map(|(attribute, one)| Some(value(attribute, (*one)?)));
        candidates.add(object.name, object.link.map(anchor), keys, object.assigned);
    }
    let joined = Joined::new(listed, candidates);
    let mut standings = vec![Standing::Local; accounts.len()];
    for (number, standing) in joined.standings.iter().enumerate() {
        standings[order[number]] = *standing;
    }
    standings
}

/// The rules, said of one account at a time.
fn expected(accounts: &[Account], objects: &[Object], account: usize) -> Standing {
    let (mut links, mut matches, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
    for (object, one) in (0_u32..).zip(objects) {
        if let Some(link) = one.link.filter(|link| *link < accounts.len()) {
            if link == account {
                links.push((Claim { object, key: None }, one));
            }
            continue;
        }
        let given =
            one.values.iter().enumerate().filter_map(|(attribute, value)| Some((attribute, (*value)?)));
        for (key, (attribute, value)) in (0_u16..).zip(given) {
            let having: Vec<usize> =
                (0..accounts.len()).filter(|other| accounts[*other][attribute].contains(&value)).collect();
            if having.is_empty() {
                continue;
            }
            if having.contains(&account) {
                let by = Claim { object, key: Some(key) };
                if having.len() == 1 { matches.push((by, one)) } else { doubts.push(by) }
            }
            break;
        }
    }
    let of = |claims: &[(Claim, &Object)]| {
        let (first, rest) = claims.split_first()?;
        let mut held = *first;
        let mut assigned = first.1.assigned;
        for (by, object) in rest {
            if object.name != held.1.name {
                return Some(Standing::Contested { by: held.0, and: by.object });
            }
            (held, assigned) = ((*by, *object), assigned || object.assigned);
        }
        Some(Standing::Owned { by: held.0, assigned })
    };
    match doubts.first() {
        _ if !links.is_empty() => of(&links).unwrap(),
        Some(by) => Standing::Ambiguous { by: *by },
        None => of(&matches).unwrap_or_default(),
    }
}

/// A few accounts and objects with so few values that they meet in every way.
fn drawn(entropy: &SeededEntropy) -> (Vec<Account>, Vec<Object>) {
    let draw = |below: u128| u64::try_from(entropy.uuid().as_u128() % below).unwrap();
    let several = |most: u128| (0..draw(most)).map(|_| draw(6)).collect::<Vec<_>>();
    let accounts: Vec<Account> = (0..draw(6)).map(|_| [several(2), several(3)]).collect();
    let maybe = |below: u128| Some(draw(below)).filter(|_| draw(3) > 0);
    let objects = (0..draw(8)).map(|_| Object {
        name: draw(6),
        link: maybe(8).filter(|_| draw(4) == 0).map(|link| usize::try_from(link).unwrap()),
        values: [maybe(6), maybe(6)],
        assigned: draw(2) == 0,
    });
    let objects = objects.collect();
    (accounts, objects)
}

#[test]
fn every_account_is_as_the_rules_say_in_whatever_order_it_is_listed() {
    let (mut kinds, entropy) = ([0; 4], SeededEntropy::new(1));
    for _ in 0..20_000 {
        let (accounts, objects) = drawn(&entropy);
        let forward: Vec<usize> = (0..accounts.len()).collect();
        let standings = joined(&accounts, &forward, &objects);
        for (account, standing) in standings.iter().enumerate() {
            let expected = expected(&accounts, &objects, account);
            let (same, kind) = match (*standing, expected) {
                // Which of several doubts is told does not matter.
                (Standing::Ambiguous { .. }, Standing::Ambiguous { .. }) => (true, 0),
                (Standing::Contested { .. }, _) => (*standing == expected, 1),
                (Standing::Owned { .. }, _) => (*standing == expected, 2),
                _ => (*standing == expected, 3),
            };
            assert!(same, "account {account}: {standing:?}, not {expected:?}; {accounts:?} {objects:?}");
            kinds[kind] += 1;
        }
        let backward: Vec<usize> = forward.into_iter().rev().collect();
        assert_eq!(joined(&accounts, &backward, &objects), standings, "{accounts:?} {objects:?}");
    }
    assert!(kinds.iter().all(|count| *count > 1_000), "{kinds:?}");
}

#[test]
fn a_claim_tells_the_accounts_that_it_is_about() {
    let (mut accounts, mut candidates) = (Accounts::default(), Candidates::default());
    for hashes in [[1, 10, 10], [2, 11, 10], [3, 12, 13]] {
        accounts.add(hashes);
    }
    candidates.add(100, Some(3), [10], false);
    candidates.add(101, Some(9), [77, 10], false);
    let joined = Joined::new(accounts, candidates);
    let of = |object, key| joined.accounts_of(Claim { object, key }).collect::<Vec<_>>();
    assert_eq!((of(0, None), of(0, Some(0)), of(1, Some(1))), (vec![2], vec![0, 1], vec![0, 1]));
    assert!(of(1, None).is_empty() && of(1, Some(0)).is_empty() && of(7, None).is_empty());
}
