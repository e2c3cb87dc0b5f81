//! Recognised sentences that wait until the user has read them.

use std::collections::VecDeque;

/// Sentences that can wait; nobody reads back further than this.
const MOST: usize = 20;

/// The waiting sentences, the oldest first.
#[derive(Default)]
pub struct Pending {
    sentences: VecDeque<(u64, String)>,
    /// One was dropped since the user last decided something.
    dropped: bool,
}

impl Pending {
    /// Adds a sentence; where too many wait, the oldest is dropped.
    pub fn push(&mut self, id: u64, text: String) {
        self.sentences.push_back((id, text));
        if self.sentences.len() > MOST {
            self.sentences.pop_front();
            self.dropped = true;
        }
    }

    pub fn get(&self, id: u64) -> Option<&str> {
        self.sentences.iter().find(|(i, _)| *i == id).map(|(_, text)| text.as_str())
    }

    /// Takes a sentence out: the user has decided. False: there was none.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.sentences.len();
        self.sentences.retain(|(i, _)| *i != id);
        let found = self.sentences.len() < before;
        self.dropped &= !found;
        found
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn list(&self) -> Vec<(u64, String)> {
        self.sentences.iter().cloned().collect()
    }

    /// What the user should know, as a sentence with its remedy.
    pub fn problem(&self) -> Option<String> {
        self.dropped.then(|| {
            format!("a recognised sentence was dropped, because {MOST} were waiting already; accept or reject them (`vasa revoice`)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_too_many_is_dropped_and_told_until_the_user_decides() {
        let mut pending = Pending::default();
        for id in 1..=20 {
            pending.push(id, format!("sentence {id}"));
        }
        assert_eq!((pending.list().len(), pending.problem()), (20, None));
        pending.push(21, "one more".into());
        assert_eq!((pending.list().len(), pending.get(1)), (20, None));
        assert!(pending.problem().is_some_and(|p| p.contains("20") && !p.contains("sentence 1")));
        assert!(!pending.remove(1));
        assert!(pending.remove(21) && pending.problem().is_none());
        pending.clear();
        assert!(pending.list().is_empty());
    }
}
