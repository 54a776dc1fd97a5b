//! A table with a limit: when it is full, the entry that was touched least recently gives way.
//!
//! Entries live in a vector and are chained by index, so a touch, an insertion and an eviction cost
//! the same whatever the size. A [`Handle`] outlives its entry safely: it carries a generation.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    mem,
};

use hashbrown::HashTable;

/// No entry.
const NONE: u32 = u32::MAX;

/// A short name of an entry; of no entry once that one has been pushed out. Packed, since every
/// report holds one. A slot would have to be used again 65,536 times for a name to come back: with
/// the default limits that is a thousand million new peers within the time a report is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C, packed(2))]
pub struct Handle {
    slot: u32,
    generation: u16,
}

impl Handle {
    /// The place of the entry: the same for the next user of the slot.
    pub fn place(self) -> usize {
        self.slot as usize
    }
}

#[derive(Debug)]
struct Slot<K, V> {
    /// `None` while the slot waits to be used again.
    key: Option<K>,
    value: V,
    generation: u16,
    newer: u32,
    older: u32,
}

/// A map that holds at most `most` entries.
#[derive(Debug)]
pub struct Lru<K, V> {
    most: usize,
    /// The slot of each key; the keys are in the slots. The hash is keyed, for peers choose keys.
    index: HashTable<u32>,
    hasher: RandomState,
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
}

impl<K: Copy + Eq + Hash, V: Default> Lru<K, V> {
    /// An empty table for `most` entries, at least one.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.clamp(1, NONE as usize - 1),
            index: HashTable::new(),
            hasher: RandomState::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// The value of a key; does not touch it.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.slot(key).map(|slot| &self.slots[slot as usize].value)
    }

    fn slot(&self, key: &K) -> Option<u32> {
        let is_it = |slot: &u32| self.slots[*slot as usize].key.as_ref() == Some(key);
        self.index.find(self.hasher.hash_one(key), is_it).copied()
    }

    /// The entry a handle names, unless it has been pushed out.
    pub fn at(&self, handle: Handle) -> Option<(&K, &V)> {
        let slot = self.slots.get(handle.slot as usize)?;
        let key = slot.key.as_ref()?;
        (slot.generation == handle.generation).then_some((key, &slot.value))
    }

    /// The entry of a key, now the most recently touched, made when missing; and what was pushed
    /// out to make room for it.
    pub fn touch(&mut self, key: K) -> (Handle, &mut V, Option<V>) {
        let mut evicted = None;
        let slot = if let Some(slot) = self.slot(&key) {
            self.unlink(slot);
            slot
        } else {
            if self.index.len() >= self.most {
                evicted = self.remove_oldest();
            }
            let slot = self.take_slot(key);
            let (slots, hasher) = (&self.slots, &self.hasher);
            // A slot in the index has a key; none would only be found no more.
            let hash = |slot: &u32| {
                let key = slots[*slot as usize].key.as_ref();
                key.map_or(0, |key| hasher.hash_one(key))
            };
            self.index.insert_unique(hasher.hash_one(key), slot, hash);
            slot
        };
        self.link_newest(slot);
        let entry = &mut self.slots[slot as usize];
        (
            Handle {
                slot,
                generation: entry.generation,
            },
            &mut entry.value,
            evicted,
        )
    }

    /// The entry a handle names, to be changed; does not touch it.
    pub fn at_mut(&mut self, handle: Handle) -> Option<(&K, &mut V)> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        let key = slot.key.as_ref()?;
        (slot.generation == handle.generation).then_some((key, &mut slot.value))
    }

    /// The handle of a key, if it has an entry; does not touch it.
    pub fn handle(&self, key: &K) -> Option<Handle> {
        self.slot(key).map(|slot| Handle {
            slot,
            generation: self.slots[slot as usize].generation,
        })
    }

    /// Whether the next new key pushes one out.
    pub fn is_full(&self) -> bool {
        self.index.len() >= self.most
    }

    /// The least recently touched entry.
    pub fn oldest(&self) -> Option<(K, &V)> {
        let slot = self.slots.get(self.oldest as usize)?;
        slot.key.map(|key| (key, &slot.value))
    }

    /// How many places there are, used or not.
    pub fn entries(&self) -> usize {
        self.slots.len()
    }

    /// The entry at a place, if it is used. Places depend only on the order of what was done.
    pub fn entry(&self, place: usize) -> Option<(&K, &V)> {
        let slot = self.slots.get(place)?;
        slot.key.as_ref().map(|key| (key, &slot.value))
    }

    /// Every entry, by place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.slots.iter_mut().filter_map(|slot| {
            let Slot { key, value, .. } = slot;
            key.as_ref().map(|key| (key, value))
        })
    }

    /// Pushes out the least recently touched entry.
    pub fn remove_oldest(&mut self) -> Option<V> {
        (self.oldest != NONE)
            .then(|| self.remove(self.oldest))
            .flatten()
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        let mut slot = self.oldest;
        while slot != NONE {
            let newer = self.slots[slot as usize].newer;
            if !keep(&mut self.slots[slot as usize].value) {
                self.remove(slot);
            }
            slot = newer;
        }
    }

    fn remove(&mut self, slot: u32) -> Option<V> {
        self.unlink(slot);
        self.free.push(slot);
        let entry = &mut self.slots[slot as usize];
        entry.generation = entry.generation.wrapping_add(1);
        let value = mem::take(&mut entry.value);
        let key = entry.key.take()?;
        let hash = self.hasher.hash_one(key);
        if let Ok(found) = self.index.find_entry(hash, |other| *other == slot) {
            found.remove();
        }
        Some(value)
    }

    fn take_slot(&mut self, key: K) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].key = Some(key);
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).unwrap_or(NONE - 1);
        self.slots.push(Slot {
            key: Some(key),
            value: V::default(),
            generation: 0,
            newer: NONE,
            older: NONE,
        });
        slot
    }

    fn unlink(&mut self, slot: u32) {
        let Slot { newer, older, .. } = self.slots[slot as usize];
        match newer {
            NONE => self.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
    }

    fn link_newest(&mut self, slot: u32) {
        let older = std::mem::replace(&mut self.newest, slot);
        self.slots[slot as usize].newer = NONE;
        self.slots[slot as usize].older = older;
        match older {
            NONE => self.oldest = slot,
            older => self.slots[older as usize].newer = slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(table: &mut Lru<char, u32>, key: char, value: u32) -> (Handle, Option<u32>) {
        let (handle, place, evicted) = table.touch(key);
        *place = value;
        (handle, evicted)
    }

    #[test]
    fn the_least_recently_touched_entry_gives_way() {
        let mut table = Lru::new(2);
        touch(&mut table, 'a', 1);
        touch(&mut table, 'b', 2);
        touch(&mut table, 'a', 3);
        assert_eq!(touch(&mut table, 'c', 4).1, Some(2));
        assert_eq!(
            (table.get(&'a'), table.get(&'b'), table.get(&'c')),
            (Some(&3), None, Some(&4))
        );
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn a_handle_never_names_the_next_user_of_a_slot() {
        let mut table = Lru::new(1);
        let (old, _) = touch(&mut table, 'a', 1);
        let (new, _) = touch(&mut table, 'b', 2);
        assert_eq!(table.at(old), None);
        assert_eq!(table.at(new), Some((&'b', &2)));
    }

    #[test]
    fn what_is_not_kept_is_gone_and_its_room_is_used_again() {
        let mut table = Lru::new(8);
        for (value, key) in "abcdef".chars().enumerate() {
            touch(&mut table, key, u32::try_from(value).unwrap());
        }
        table.retain(|value| *value % 2 == 1);
        assert_eq!(table.len(), 3);
        for key in "uvwxy".chars() {
            touch(&mut table, key, 9);
        }
        assert_eq!(table.slots.len(), 8);
        assert_eq!(table.remove_oldest(), Some(1));
    }

    /// The same as a list, the least recently touched first.
    #[test]
    fn it_is_a_list_in_the_order_of_touches() {
        let (mut table, mut list) = (Lru::new(5), Vec::<(u32, u32)>::new());
        let mut handles = Vec::new();
        for step in 0..2000_u32 {
            let key = step.wrapping_mul(2_654_435_761) >> 29;
            match step % 17 {
                3 => {
                    table.retain(|value| *value % 3 != 0);
                    list.retain(|(_, value)| *value % 3 != 0);
                }
                7 => {
                    let gone = (!list.is_empty()).then(|| list.remove(0).1);
                    assert_eq!(table.remove_oldest(), gone);
                }
                _ => {
                    let known = list.iter().position(|(it, _)| *it == key);
                    assert_eq!(table.is_full(), list.len() == 5);
                    let gone = (known.is_none() && list.len() == 5).then(|| list.remove(0).1);
                    let (handle, place, evicted) = table.touch(key);
                    assert_eq!(evicted, gone);
                    assert_eq!(*place, known.map_or(0, |at| list.remove(at).1));
                    *place = step;
                    list.push((key, step));
                    handles.push((handle, key));
                }
            }
            assert_eq!(table.len(), list.len());
            assert_eq!(
                table.oldest().map(|(key, value)| (key, *value)),
                list.first().copied()
            );
            let mut held: Vec<_> = table
                .values_mut()
                .map(|(key, value)| (*key, *value))
                .collect();
            let places = (0..table.entries()).filter_map(|place| table.entry(place));
            assert!(
                places
                    .map(|(key, value)| (*key, *value))
                    .eq(held.iter().copied())
            );
            let mut listed = list.clone();
            held.sort_unstable();
            listed.sort_unstable();
            assert_eq!(held, listed);
            for (key, value) in &list {
                assert_eq!(table.get(key), Some(value));
                let handle = table.handle(key).expect("an entry");
                assert_eq!(table.at(handle), Some((key, value)));
                assert_eq!(
                    table.at_mut(handle).map(|(key, value)| (*key, *value)),
                    Some((*key, *value))
                );
            }
            assert_eq!(table.get(&99), None);
            assert_eq!(table.handle(&99), None);
            // A handle names what it was given for, or nothing any more.
            for (handle, key) in handles.iter().rev().take(20) {
                assert!(table.at(*handle).is_none_or(|(it, _)| it == key));
                assert_eq!(
                    table.at_mut(*handle).map(|(key, _)| *key),
                    table.at(*handle).map(|(key, _)| *key)
                );
            }
        }
    }
}
