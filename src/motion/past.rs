//! The last states of something that moves in steps, so that steps can be taken back.

use std::collections::VecDeque;

/// How many steps can be taken back: what has been heard ahead of time (220 ms) and some more.
pub const DEPTH: usize = 14;

/// A short memory. Once it is full it allocates nothing as long as `T::clone_from` does not.
pub struct Past<T> {
    states: VecDeque<T>,
    /// Room that was used before.
    spare: Vec<T>,
}

impl<T> Default for Past<T> {
    fn default() -> Self {
        Self { states: VecDeque::with_capacity(DEPTH), spare: Vec::with_capacity(DEPTH) }
    }
}

impl<T: Clone> Past<T> {
    /// Remembers `now`, the state before a step.
    pub fn keep(&mut self, now: &T) {
        let oldest = if self.states.len() == DEPTH { self.states.pop_front() } else { self.spare.pop() };
        let state = match oldest {
            Some(mut state) => {
                state.clone_from(now);
                state
            }
            None => now.clone(),
        };
        self.states.push_back(state);
    }

    /// Takes the last step back, if it is remembered.
    pub fn back(&mut self, now: &mut T) -> bool {
        let Some(mut before) = self.states.pop_back() else { return false };
        std::mem::swap(now, &mut before);
        self.spare.push(before);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_steps_can_be_taken_back_as_are_remembered() {
        let (mut past, mut now) = (Past::default(), 0);
        for next in 1..=25 {
            past.keep(&now);
            now = next;
        }
        for before in (25 - DEPTH..25).rev() {
            assert!(past.back(&mut now));
            assert_eq!(now, before);
        }
        assert!(!past.back(&mut now));
        assert_eq!((now, past.spare.len()), (25 - DEPTH, DEPTH));
        past.keep(&now);
        assert_eq!(past.spare.len(), DEPTH - 1);
    }
}
