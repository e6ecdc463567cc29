//! Whether two trees mean the same.

use std::borrow::Cow;

use super::evaluate::{self, Point, Value};
use super::node::Node;

/// More values than this are compared in their order only.
const MOST_UNORDERED: usize = 128;
/// How far apart two values may be that were worked out, of the larger.
const CLOSE: f64 = 1e-10;

/// Compares two answers. An answer that is given exactly and nearly, as √2 ≈ 1.414, is either.
pub(super) fn same_answer(given: &Node, expected: &Node) -> bool {
    let (given, expected) = (either(given), either(expected));
    given
        .iter()
        .any(|given| expected.iter().any(|expected| same(given, expected)))
}

fn either(node: &Node) -> Vec<Cow<'_, Node>> {
    let whole = || vec![Cow::Borrowed(node)];
    let Node::Relation(first, rest) = node else {
        return whole();
    };
    let Some((('≈', last), before)) = rest.split_last() else {
        return whole();
    };
    let exactly = before.last().map_or(&**first, |(_, exactly)| exactly);
    // Or "3 ≈ 5" would be right for both.
    let roughly = roughly(exactly, last);
    let Some(((mark, _), start)) = before.split_last() else {
        return std::iter::once(&**first)
            .chain(roughly.then_some(last))
            .map(Cow::Borrowed)
            .collect();
    };
    let mut both = vec![Cow::Owned(Node::Relation(first.clone(), before.to_vec()))];
    if roughly {
        let nearly = [start, &[(*mark, last.clone())]].concat();
        both.push(Cow::Owned(Node::Relation(first.clone(), nearly)));
    }
    both
}

/// Whether two sides of ≈ are within a twentieth of each other; a name is near to anything.
fn roughly(exactly: &Node, nearly: &Node) -> bool {
    let value = |node| {
        evaluate::value(
            node,
            Point {
                index: 0,
                reals: true,
            },
        )
        .map(|value| value.real)
    };
    is_name(exactly)
        || value(exactly)
            .zip(value(nearly))
            .is_some_and(|(exactly, nearly)| (exactly - nearly).abs() <= 0.05 * exactly.abs())
}

fn same(given: &Node, expected: &Node) -> bool {
    let (given, expected) = bare(given, expected);
    if given == expected {
        return true;
    }
    if given.is_scalar() && expected.is_scalar() {
        return same_value(given, expected);
    }
    if let (Some(given), Some(expected)) = (links(given), links(expected)) {
        return same_links(&given, &expected);
    }
    match (given, expected) {
        (Node::Tuple(open, close, given), Node::Tuple(left, right, expected)) => {
            (open, close) == (left, right) && in_order(given, expected)
        }
        (Node::Tuple('(', ')', given), Node::List(_, expected))
        | (Node::List(_, given), Node::Tuple('(', ')', expected))
        | (Node::Ratio(given), Node::Ratio(expected))
        | (Node::Joined('∖', given), Node::Joined('∖', expected)) => in_order(given, expected),
        (Node::List(_, given), Node::List(_, expected)) => {
            // "x = 1, y = 2" says which is which.
            let named = |nodes: &[Node]| nodes.iter().all(|node| equation(node).is_some());
            let one_named = named(given) != named(expected);
            let naming = if named(given) { given } else { expected };
            if one_named
                && !naming
                    .iter()
                    .all(|node| left(node) == naming.first().and_then(left))
            {
                return in_order(given, expected);
            }
            given.len() == expected.len() && any_order(given, expected)
        }
        (Node::Set(given), Node::Set(expected) | Node::List(_, expected))
        | (Node::List(_, given), Node::Set(expected)) => as_sets(given, expected),
        (Node::Joined(mark, given), Node::Joined(other, expected)) if mark == other => {
            as_sets(given, expected)
        }
        (Node::Matrix { .. } | Node::Tuple('[', ..), Node::Matrix { .. })
        | (Node::Matrix { .. }, Node::Tuple('[', ..)) => same_rows(given, expected),
        // 1:2 is a half.
        (Node::Ratio(nodes), other) | (other, Node::Ratio(nodes)) if other.is_scalar() => {
            matches!(nodes.as_slice(), [first, second] if same_value(&first.clone().over(second.clone()), other))
        }
        // "1/2 or 0.5"
        (Node::List('∨', nodes), other) if other.is_scalar() => nodes.iter().all(|node| same(node, other)),
        // A set with one value, and the value.
        (Node::Set(nodes), other) if other.is_scalar() => {
            matches!(nodes.as_slice(), [node] if same(node, other))
        }
        (other, Node::Set(nodes)) if other.is_scalar() => {
            matches!(nodes.as_slice(), [node] if same(other, node))
        }
        (given, expected) => match (interval(given), interval(expected)) {
            (Some(given), None) => same(&given, expected),
            (None, Some(expected)) => same(given, &expected),
            (Some(given), Some(expected)) => same(&given, &expected),
            (None, None) => false,
        },
    }
}

/// Takes the value of an equation where the other side is none.
fn bare<'n>(given: &'n Node, expected: &'n Node) -> (&'n Node, &'n Node) {
    let is_relation = |node: &Node| links(node).is_some();
    match (is_relation(given), is_relation(expected)) {
        (true, false) => (solved(given).unwrap_or(given), expected),
        // Of the expected one only "x = 5": another equation asks for an equation.
        (false, true) if left(expected).is_some_and(is_name) => (given, solved(expected).unwrap_or(expected)),
        _ => (given, expected),
    }
}

/// What an equation says that something is.
fn solved(node: &Node) -> Option<&Node> {
    match node {
        Node::Relation(first, rest) => match rest.as_slice() {
            [('∈', set)] => Some(set),
            [('=', last)] if is_name(last) && !is_name(first) => Some(first),
            [.., (_, last)] if equation(node).is_some() => Some(last),
            _ => None,
        },
        _ => None,
    }
}

/// First and last side of an equation.
fn equation(node: &Node) -> Option<(&Node, &Node)> {
    match node {
        Node::Relation(first, rest) if rest.iter().all(|(mark, _)| *mark == '=') => {
            Some((first, &rest.last()?.1))
        }
        _ => None,
    }
}

fn left(node: &Node) -> Option<&Node> {
    match node {
        Node::Relation(first, _) => Some(first),
        _ => None,
    }
}

fn is_name(node: &Node) -> bool {
    match node {
        Node::Symbol(name) => !matches!(name.as_str(), "π" | "e" | "i" | "∞"),
        // What is within is an event: `P(X > 2)`.
        Node::Unknown(..) | Node::Relation(..) => true,
        Node::Inverse(inner) => is_name(inner),
        // `\frac{dy}{dx}`, `P(A)`, `\angle ABC`.
        Node::Tuple(_, _, nodes) | Node::Product(nodes) => nodes.iter().all(is_name),
        // `f^{-1}`
        Node::Power(base, exponent) => {
            matches!(&**base, Node::Symbol(name) if matches!(name.as_str(), "f" | "g" | "h"))
                && matches!(**exponent, Node::Negate(_))
        }
        _ => false,
    }
}

fn in_order(given: &[Node], expected: &[Node]) -> bool {
    given.len() == expected.len()
        && given
            .iter()
            .zip(expected)
            .all(|(given, expected)| same(given, expected))
}

/// Each value once, in any order.
fn any_order(given: &[Node], expected: &[Node]) -> bool {
    if given.len() > MOST_UNORDERED {
        return in_order(given, expected);
    }
    let mut left: Vec<&Node> = expected.iter().collect();
    given.iter().all(|node| {
        let found = left.iter().position(|other| same(node, other));
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

/// In any order, and any number of times. Each pair is compared once only, or nested sets would take forever.
fn as_sets(given: &[Node], expected: &[Node]) -> bool {
    if given.len().max(expected.len()) > MOST_UNORDERED {
        return in_order(given, expected);
    }
    let mut met = vec![false; expected.len()];
    given.iter().all(|node| {
        let mut found = false;
        for (other, met) in expected.iter().zip(&mut met) {
            if same(node, other) {
                (found, *met) = (true, true);
            }
        }
        found
    }) && met.iter().all(|met| *met)
}

fn same_rows(given: &Node, expected: &Node) -> bool {
    /// The rows of a matrix, or of lists in brackets.
    fn rows(node: &Node) -> Option<(bool, Vec<&[Node]>)> {
        match node {
            Node::Matrix { determinant, rows } => {
                Some((*determinant, rows.iter().map(Vec::as_slice).collect()))
            }
            Node::Tuple('[', ']', nodes) => {
                let row = |node| match node {
                    &Node::Tuple('[', ']', ref row) => Some(row.as_slice()),
                    _ => None,
                };
                Some((false, nodes.iter().map(row).collect::<Option<_>>()?))
            }
            _ => None,
        }
    }
    let (Some((determinant, given)), Some((determinant_too, expected))) = (rows(given), rows(expected))
    else {
        return false;
    };
    determinant == determinant_too
        && given.len() == expected.len()
        && given
            .iter()
            .zip(expected)
            .all(|(given, expected)| in_order(given, expected))
}

/// One relation: what is left and right of its sign. `>` is turned round.
struct Link<'n> {
    left: &'n Node,
    right: &'n Node,
    mark: char,
}

/// A chain of relations, or several, and what joins them.
struct Links<'n> {
    links: Vec<Link<'n>>,
    any: bool,
}

fn links(node: &Node) -> Option<Links<'_>> {
    match node {
        Node::Relation(first, rest) => {
            // "x = 2 + 3 = 5" says that x is 5.
            if let Some((left, right)) = equation(node).filter(|(left, _)| is_name(left)) {
                return Some(Links {
                    links: vec![Link {
                        left,
                        right,
                        mark: '=',
                    }],
                    any: false,
                });
            }
            let mut before: &Node = first;
            let links = rest.iter().map(|(mark, next)| {
                let (left, right) = (std::mem::replace(&mut before, next), next);
                match mark {
                    '>' => Link {
                        left: right,
                        right: left,
                        mark: '<',
                    },
                    '≥' => Link {
                        left: right,
                        right: left,
                        mark: '≤',
                    },
                    mark => Link {
                        left,
                        right,
                        mark: *mark,
                    },
                }
            });
            Some(Links {
                links: links.collect(),
                any: false,
            })
        }
        Node::List(join, nodes) => {
            let mut all = Links {
                links: Vec::new(),
                any: *join == '∨',
            };
            for node in nodes {
                if !matches!(node, Node::Relation(..)) {
                    return None;
                }
                all.links.extend(links(node)?.links);
            }
            Some(all)
        }
        _ => None,
    }
}

fn same_links(given: &Links<'_>, expected: &Links<'_>) -> bool {
    let inequalities = given.links.iter().any(|link| matches!(link.mark, '<' | '≤'));
    // "x < 1 or x > 2" is nothing that "and" could join.
    if inequalities && given.any != expected.any && given.links.len() > 1 {
        return false;
    }
    if given.links.len() != expected.links.len() || given.links.len() > MOST_UNORDERED {
        return false;
    }
    let mut left: Vec<&Link<'_>> = expected.links.iter().collect();
    given.links.iter().all(|link| {
        let found = left.iter().position(|other| same_link(link, other));
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

fn same_link(given: &Link<'_>, expected: &Link<'_>) -> bool {
    if given.mark != expected.mark {
        return false;
    }
    let turns = matches!(given.mark, '=' | '≠');
    if same(given.left, expected.left) && same(given.right, expected.right)
        || turns && same(given.left, expected.right) && same(given.right, expected.left)
    {
        return true;
    }
    [given, expected]
        .iter()
        .all(|link| link.left.is_scalar() && link.right.is_scalar())
        && proportional(given, expected, turns)
}

/// Whether left less right is, in one relation, the same multiple of that in the other at every point.
fn proportional(given: &Link<'_>, expected: &Link<'_>, negative: bool) -> bool {
    let difference = |link: &Link<'_>| Node::Sum(vec![link.left.clone(), link.right.clone().negate()]);
    let (given, expected) = (difference(given), difference(expected));
    let mut factor: Option<Value> = None;
    let mut seen = 0;
    for index in 0..evaluate::POINTS {
        let value = |node| evaluate::value(node, Point { index, reals: true });
        let (Some(given), Some(expected)) = (value(&given), value(&expected)) else {
            continue;
        };
        let is_zero = |value: Value| value.size() <= 8.0 * value.error;
        if is_zero(given) || is_zero(expected) {
            if is_zero(given) != is_zero(expected) {
                return false;
            }
            continue;
        }
        let quotient = Value {
            real: given.real / expected.real,
            imaginary: 0.0,
            ..given
        };
        let error = (given.error / given.size() + expected.error / expected.size()) * quotient.size();
        let quotient = Value { error, ..quotient };
        if quotient.real < 0.0 && !negative || factor.is_some_and(|factor| !near(factor, quotient)) {
            return false;
        }
        factor = Some(quotient);
        seen += 1;
    }
    seen > 2 && given.has_variables() && expected.has_variables()
}

/// An inequality as the interval, or the union of intervals, of its one variable.
fn interval(node: &Node) -> Option<Node> {
    let infinity = || Node::Symbol("∞".to_owned());
    let tuple = |open, close, from: Node, to: Node| Node::Tuple(open, close, vec![from, to]);
    match node {
        Node::Symbol(name) if name == "RR" => Some(tuple('(', ')', infinity().negate(), infinity())),
        Node::Relation(..) => {
            let Links { links, .. } = links(node)?;
            match links.as_slice() {
                [link] if link.mark == '≠' && is_name(link.left) => Some(without(link.right)),
                [link] if is_name(link.left) => {
                    let close = if link.mark == '<' { ')' } else { ']' };
                    is_order(link.mark).then(|| tuple('(', close, infinity().negate(), link.right.clone()))
                }
                [link] if is_name(link.right) => {
                    let open = if link.mark == '<' { '(' } else { '[' };
                    is_order(link.mark).then(|| tuple(open, ')', link.left.clone(), infinity()))
                }
                [first, second] => {
                    let (low, high) = if first.right == second.left {
                        (first, second)
                    } else {
                        (second, first)
                    };
                    if low.right != high.left
                        || !is_name(high.left)
                        || !is_order(low.mark)
                        || !is_order(high.mark)
                    {
                        return None;
                    }
                    let open = if low.mark == '<' { '(' } else { '[' };
                    let close = if high.mark == '<' { ')' } else { ']' };
                    Some(tuple(open, close, low.left.clone(), high.right.clone()))
                }
                _ => None,
            }
        }
        Node::Joined('∖', nodes) => match nodes.as_slice() {
            [Node::Symbol(all), Node::Set(nodes)] if all == "RR" => match nodes.as_slice() {
                [node] => Some(without(node)),
                _ => None,
            },
            _ => None,
        },
        Node::List('∨', nodes) => Some(Node::Joined(
            '∪',
            nodes.iter().map(interval).collect::<Option<_>>()?,
        )),
        _ => None,
    }
}

/// All real numbers but one.
fn without(node: &Node) -> Node {
    let infinity = || Node::Symbol("∞".to_owned());
    let below = Node::Tuple('(', ')', vec![infinity().negate(), node.clone()]);
    Node::Joined(
        '∪',
        vec![below, Node::Tuple('(', ')', vec![node.clone(), infinity()])],
    )
}

fn is_order(mark: char) -> bool {
    matches!(mark, '<' | '≤')
}

/// Compares two expressions.
fn same_value(given: &Node, expected: &Node) -> bool {
    match (given, expected) {
        (Node::Percent(given), Node::Percent(expected)) | (Node::Degrees(given), Node::Degrees(expected)) => {
            same_amount(given, expected)
        }
        // 50% is 50, as a percentage, and 0.5; 90° is 90, in degrees, and π/2.
        (Node::Percent(inner) | Node::Degrees(inner), _) => {
            same_amount(inner, expected) || same_amount(given, expected)
        }
        (_, Node::Percent(inner) | Node::Degrees(inner)) => {
            same_amount(given, inner) || same_amount(given, expected)
        }
        // One letter is as likely a choice as a variable.
        (Node::Symbol(given), Node::Symbol(expected)) => given.eq_ignore_ascii_case(expected),
        _ => same_amount(given, expected),
    }
}

fn same_amount(given: &Node, expected: &Node) -> bool {
    if given == expected {
        return true;
    }
    let rounded = given.has_decimals() || expected.has_decimals();
    if let (Some(given), Some(expected)) = (evaluate::exact(given), evaluate::exact(expected)) {
        return given == expected || rounded && same_rounded(given.float(), expected.float());
    }
    match same_remainder(given, expected) {
        Some(same) if same || given.has_variables() || !rounded => same,
        _ => same_floats(given, expected, rounded),
    }
}

/// Whether two numbers, of which one may be rounded, agree to six decimals; small ones to four digits.
fn same_rounded(given: f64, expected: f64) -> bool {
    let round = |number: f64| (number * 1e6).round();
    let difference = (given - expected).abs();
    // Also where both are nothing, as imaginary parts are.
    (round(given) - round(expected)).abs() < 0.5 && difference <= 1.001e-4 * given.abs().max(expected.abs())
}

/// Compares without any rounding, where both can be.
fn same_remainder(given: &Node, expected: &Node) -> Option<bool> {
    for point in 0..2 {
        if evaluate::remainder(given, point)? != evaluate::remainder(expected, point)? {
            return Some(false);
        }
    }
    Some(true)
}

fn same_floats(given: &Node, expected: &Node, rounded: bool) -> bool {
    let complex = given.has_symbol(|name| name == "i") || expected.has_symbol(|name| name == "i");
    // Off the real numbers roots and logarithms differ that are the same on them.
    let real = if complex {
        None
    } else {
        agree(given, expected, rounded, true)
    };
    real.or_else(|| agree(given, expected, rounded, false))
        .unwrap_or(false)
}

/// Whether two expressions have the same value at all points where both have one. `None`: there is no such point.
fn agree(given: &Node, expected: &Node, rounded: bool, reals: bool) -> Option<bool> {
    let variables = given.has_variables() || expected.has_variables();
    let mut seen = None;
    for index in 0..if variables { evaluate::POINTS } else { 1 } {
        let value = |node| evaluate::value(node, Point { index, reals });
        let (Some(given), Some(expected)) = (value(given), value(expected)) else {
            continue;
        };
        let same = near(given, expected)
            || rounded
                && !variables
                && same_rounded(given.real, expected.real)
                && same_rounded(given.imaginary, expected.imaginary);
        if !same {
            return Some(false);
        }
        seen = Some(true);
    }
    seen
}

fn near(given: Value, expected: Value) -> bool {
    let difference = (given.real - expected.real).hypot(given.imaginary - expected.imaginary);
    difference <= CLOSE * given.size().max(expected.size()) + 8.0 * (given.error + expected.error)
}

#[cfg(test)]
mod tests {
    use super::super::{lex, parse};
    use super::*;

    /// Kinds beside kinds; `pairs.jsonl` holds many more pairs.
    #[test]
    fn kinds() {
        let table = [
            ("1, 2", "(1, 2)", true),
            ("2, 1", "(1, 2)", false),
            (r"\{2, 1\}", "1, 2", true),
            (r"\{2, 1\}", "(1, 2)", false),
            ("x = 5", "5", true),
            ("5", "2x = 10", false),
            ("2x = 10", "x = 5", true),
            ("x < 3", r"(-\infty, 3)", true),
            (r"x \ne 3", r"\mathbb{R} \setminus \{3\}", true),
            ("x = 1, y = 2", "(1, 2)", true),
            ("x = 1, y = 2", "2, 1", false),
            (r"\sqrt{2} \approx 1.41", r"\sqrt{2}", true),
            ("50%", "0.5", true),
            (r"180^\circ", r"\pi", true),
            (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}", true),
            (r"\sqrt{x^2}", "x", false),
        ];
        for (given, expected, right) in table {
            let read = |text| parse::parse(&lex::lex(text, false).tokens).unwrap();
            assert_eq!(
                same_answer(&read(given), &read(expected)),
                right,
                "{given} {expected}"
            );
        }
    }
}
