//! [`Ancestors`]: a forest that only grows, in which the way up from a node is searched in
//! logarithmic time. Nodes have, beside their parent, a jump to a far ancestor, as in Myers's
//! random-access lists: control nested or chained a hundred thousand deep costs no more than that.

/// The parent and jump of a node.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    jump: u32,
    depth: u32,
}

/// A forest of nodes numbered from 0 in order of creation.
#[derive(Debug, Default)]
pub struct Ancestors {
    nodes: Vec<Node>,
}

impl Ancestors {
    /// Stands for the absence of a node.
    pub const NONE: u32 = u32::MAX;

    /// Forgets all nodes.
    pub fn clear(&mut self) {
        self.nodes.clear();
    }

    /// Adds a node; the parent may be [`NONE`](Self::NONE).
    pub fn push(&mut self, parent: u32) -> u32 {
        let node = self.nodes.len() as u32;
        let (jump, depth) = if parent == Self::NONE {
            (Self::NONE, 0)
        } else {
            let above = self.nodes[parent as usize];
            let jump = match self.nodes.get(above.jump as usize) {
                // Two jumps of the same length in a row: this one goes as far as both.
                Some(far)
                    if far.jump != Self::NONE
                        && above.depth - far.depth == far.depth - self.nodes[far.jump as usize].depth =>
                {
                    far.jump
                }
                _ => parent,
            };
            (jump, above.depth + 1)
        };
        self.nodes.push(Node { parent, jump, depth });
        node
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node above, or [`NONE`](Self::NONE).
    #[inline]
    #[must_use]
    pub fn parent(&self, node: u32) -> u32 {
        self.nodes[node as usize].parent
    }

    /// How many nodes are above.
    #[inline]
    #[must_use]
    pub fn depth(&self, node: u32) -> u32 {
        self.nodes[node as usize].depth
    }

    /// The uppermost node for which `holds`, of `node` and what is above it, if it holds for a
    /// node whenever it holds for one above: the search stops at the first for which it does not.
    #[must_use]
    pub fn uppermost(&self, node: u32, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        if node == Self::NONE || !holds(node) {
            return None;
        }
        let mut at = node;
        loop {
            let Node { parent, jump, .. } = self.nodes[at as usize];
            if jump != Self::NONE && holds(jump) {
                at = jump;
            } else if parent != Self::NONE && parent != jump && holds(parent) {
                at = parent;
            } else {
                return Some(at);
            }
        }
    }

    /// The first node for which `holds`, of `node` and what is above it, if it holds for all
    /// nodes above one for which it holds.
    #[must_use]
    pub fn lowermost(&self, node: u32, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        if node == Self::NONE || holds(node) {
            return (node != Self::NONE).then_some(node);
        }
        let first_without = self.uppermost(node, |node| !holds(node))?;
        let parent = self.parent(first_without);
        (parent != Self::NONE).then_some(parent)
    }

    /// The node at that depth on the way up from `node`, which is at least as deep.
    #[must_use]
    pub fn at_depth(&self, mut node: u32, depth: u32) -> u32 {
        while self.nodes[node as usize].depth > depth {
            let Node { parent, jump, .. } = self.nodes[node as usize];
            node = if self.nodes[jump as usize].depth >= depth { jump } else { parent };
        }
        node
    }

    /// Whether `above` is `node` or above it.
    #[inline]
    #[must_use]
    pub fn is_above(&self, above: u32, node: u32) -> bool {
        let depth = self.depth(above);
        depth <= self.depth(node) && self.at_depth(node, depth) == above
    }

    /// The lowest node that is above both, or one of them.
    #[must_use]
    pub fn common(&self, a: u32, b: u32) -> u32 {
        let depth = self.depth(a).min(self.depth(b));
        let (mut a, mut b) = (self.at_depth(a, depth), self.at_depth(b, depth));
        while a != b {
            let (up_a, up_b) = (self.nodes[a as usize], self.nodes[b as usize]);
            if up_a.jump == up_b.jump {
                (a, b) = (up_a.parent, up_b.parent);
            } else {
                (a, b) = (up_a.jump, up_b.jump);
            }
        }
        a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_walking() {
        let mut forest = Ancestors::default();
        let mut parents = Vec::new();
        let mut state = 1_u64;
        for node in 0..600_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let back = (state >> 33) as u32 % 8;
            let parent = if node == 0 { Ancestors::NONE } else { (node - 1).saturating_sub(back) };
            parents.push(parent);
            assert_eq!(forest.push(parent), node);
        }
        let path = |mut node: u32| {
            let mut path = Vec::new();
            while node != Ancestors::NONE {
                path.push(node);
                node = parents[node as usize];
            }
            path
        };
        for a in (0..600).step_by(7) {
            for b in (0..600).step_by(11) {
                let (up_a, up_b) = (path(a), path(b));
                let common = *up_a.iter().find(|node| up_b.contains(node)).unwrap();
                assert_eq!(forest.common(a, b), common);
                assert_eq!(forest.is_above(a, b), up_b.contains(&a));
                // Numbers fall on the way up.
                let uppermost = up_a.iter().rfind(|node| **node >= b).copied();
                assert_eq!(forest.uppermost(a, |node| node >= b), uppermost);
                assert_eq!(
                    forest.lowermost(a, |node| node <= b),
                    up_a.iter().find(|node| **node <= b).copied()
                );
            }
        }
    }
}
