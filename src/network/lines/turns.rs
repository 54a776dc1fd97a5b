//! Whose turn it is, and who may put something in. Pure.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use libp2p::PeerId;
use tokio::sync::Notify;

use crate::network::{guard::network_of, standing::Pass};

/// Who shares a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    /// A peer of the operator's has its own.
    Chosen(PeerId),
    /// Everybody else of one network, as `guard::network_of` names it.
    Network(IpAddr),
}

impl Group {
    /// Whose share a peer at an address is on.
    pub(crate) fn of(pass: &Pass, peer: PeerId, ip: IpAddr) -> Self {
        if pass.is_chosen() {
            Self::Chosen(peer)
        } else {
            Self::Network(network_of(ip))
        }
    }
}

/// One peer's queue.
struct Queue<T> {
    waiting: VecDeque<(u64, T)>,
    held: u64,
    /// When its next turn is, in the time of its network.
    turn: u64,
    group: Option<Group>,
    /// Somebody waits for room.
    blocked: bool,
    room: Arc<Notify>,
    /// Its peer is gone; it goes when it is empty.
    left: bool,
}

/// What the queues of one group have in common.
#[derive(Default)]
struct Share {
    held: u64,
    turn: u64,
    /// Its time: the turn of whoever was last.
    now: u64,
    ready: BTreeSet<(u64, u64)>,
    queues: usize,
}

/// All queues.
pub(super) struct Turns<T> {
    queues: HashMap<u64, Queue<T>>,
    shares: HashMap<Group, Share>,
    ready: BTreeSet<(u64, Group)>,
    now: u64,
    held: u64,
    room: u64,
    next: u64,
    blocked: Vec<u64>,
    ended: bool,
    deaf: bool,
}

impl<T> Turns<T> {
    pub(super) fn new(room: u64) -> Self {
        Self {
            queues: HashMap::new(),
            shares: HashMap::new(),
            ready: BTreeSet::new(),
            now: 0,
            held: 0,
            room,
            next: 0,
            blocked: Vec::new(),
            ended: false,
            deaf: false,
        }
    }

    /// A queue more, by its number; `room` is told when it may have room again.
    pub(super) fn enter(&mut self, room: Arc<Notify>) -> u64 {
        let number = self.next;
        self.next += 1;
        let queue = Queue {
            waiting: VecDeque::new(),
            held: 0,
            turn: 0,
            group: None,
            blocked: false,
            room,
            left: false,
        };
        self.queues.insert(number, queue);
        number
    }

    /// Nothing more comes for a queue; what is in it stays.
    pub(super) fn leave(&mut self, number: u64) {
        if let Some(queue) = self.queues.get_mut(&number) {
            queue.left = true;
            self.clear_away(number);
        }
    }

    /// Puts something at the end of a queue.
    ///
    /// # Errors
    /// What was to be put: there is no room now, and whoever waits is told when there may be.
    pub(super) fn put(&mut self, number: u64, group: Group, what: T, cost: u64) -> Result<(), T> {
        let Some(queue) = self.queues.get_mut(&number) else {
            return Ok(());
        };
        // Its peer came back from elsewhere, or was chosen; what waits stays where it is.
        if queue.waiting.is_empty() && queue.group != Some(group) {
            let before = queue.group.replace(group);
            queue.turn = 0;
            self.shares.entry(group).or_default().queues += 1;
            if let Some(before) = before {
                self.one_less(before);
            }
        }
        let Some(queue) = self.queues.get_mut(&number) else {
            return Ok(());
        };
        let Some((group, share)) = queue
            .group
            .and_then(|group| Some((group, self.shares.get_mut(&group)?)))
        else {
            return Ok(());
        };
        // Each group may hold what all leave free, each queue what its group then leaves free (the
        // dynamic threshold of Choudhury and Hahne, 1998); one thing in any case, so that none starves.
        let free = self.room.saturating_sub(self.held);
        if queue.held > 0 && queue.held + cost > free.saturating_sub(share.held) {
            if !std::mem::replace(&mut queue.blocked, true) {
                self.blocked.push(number);
            }
            return Err(what);
        }
        if queue.waiting.is_empty() {
            queue.turn = queue.turn.max(share.now);
            if share.ready.is_empty() {
                share.turn = share.turn.max(self.now);
                self.ready.insert((share.turn, group));
            }
            share.ready.insert((queue.turn, number));
        }
        queue.waiting.push_back((cost, what));
        queue.held += cost;
        share.held += cost;
        self.held += cost;
        Ok(())
    }

    /// What is next.
    pub(super) fn take(&mut self) -> Option<T> {
        let (turn, group) = self.ready.pop_first()?;
        let share = self.shares.get_mut(&group)?;
        let (its_turn, number) = share.ready.pop_first()?;
        let queue = self.queues.get_mut(&number)?;
        let (cost, what) = queue.waiting.pop_front()?;
        (self.now, share.now) = (turn, its_turn);
        queue.held -= cost;
        share.held -= cost;
        self.held -= cost;
        queue.turn = its_turn + cost;
        share.turn = turn + cost;
        if !queue.waiting.is_empty() {
            share.ready.insert((queue.turn, number));
        }
        if !share.ready.is_empty() {
            self.ready.insert((share.turn, group));
        }
        self.clear_away(number);
        Some(what)
    }

    /// Those who wait for room: it is time for them to look.
    pub(super) fn waiting(&mut self) -> Vec<Arc<Notify>> {
        let blocked = std::mem::take(&mut self.blocked);
        let wake = |number| {
            let queue = self.queues.get_mut(&number)?;
            queue.blocked = false;
            Some(Arc::clone(&queue.room))
        };
        blocked.into_iter().filter_map(wake).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Nothing is left and nothing comes.
    pub(super) fn has_ended(&self) -> bool {
        self.ended && self.is_empty()
    }

    /// Nobody takes anything any more; those who wait must be told.
    pub(super) fn deafen(&mut self) -> Vec<Arc<Notify>> {
        self.deaf = true;
        self.waiting()
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.deaf
    }

    fn clear_away(&mut self, number: u64) {
        let is_over = |queue: &Queue<T>| queue.left && queue.waiting.is_empty();
        if self.queues.get(&number).is_some_and(is_over)
            && let Some(queue) = self.queues.remove(&number)
            && let Some(group) = queue.group
        {
            self.one_less(group);
        }
    }

    fn one_less(&mut self, group: Group) {
        if let Some(share) = self.shares.get_mut(&group) {
            share.queues -= 1;
            if share.queues == 0 {
                self.shares.remove(&group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: u64 = 1200;

    struct Crowd {
        turns: Turns<(usize, u32)>,
        members: Vec<(u64, Group)>,
        said: Vec<u32>,
    }

    impl Crowd {
        /// One queue for each network named.
        fn of(networks: &[u8]) -> Self {
            let mut turns = Turns::new(ROOM);
            let members = networks
                .iter()
                .map(|&network| {
                    let ip = IpAddr::from([192, 0, 2, network]);
                    (turns.enter(Arc::default()), Group::Network(ip))
                })
                .collect::<Vec<_>>();
            let said = vec![0; members.len()];
            Self {
                turns,
                members,
                said,
            }
        }

        fn say(&mut self, member: usize, cost: u64) -> bool {
            let (number, group) = self.members[member];
            let what = (member, self.said[member]);
            let put = self.turns.put(number, group, what, cost).is_ok();
            self.said[member] += u32::from(put);
            put
        }

        fn fill(&mut self, member: usize) -> u32 {
            let before = self.said[member];
            while self.say(member, 1) {}
            self.said[member] - before
        }

        /// How many of the next things are whose.
        fn hear(&mut self, count: usize) -> Vec<u32> {
            let mut heard = vec![0; self.members.len()];
            for _ in 0..count {
                let Some((member, _)) = self.turns.take() else {
                    break;
                };
                heard[member] += 1;
            }
            heard
        }
    }

    #[test]
    fn one_alone_fills_a_third_and_leaves_room_for_the_next() {
        let mut crowd = Crowd::of(&[1, 2, 3]);
        let first = crowd.fill(0);
        assert_eq!(u64::from(first), ROOM / 3);
        assert!(crowd.fill(1) >= first / 2);
        assert!(crowd.fill(2) >= first / 4);
    }

    #[test]
    fn each_network_has_its_turn_and_in_it_each_peer() {
        let mut crowd = Crowd::of(&[1, 1, 1, 1, 2]);
        (0..100).for_each(|_| (0..5).for_each(|member| _ = crowd.say(member, 1)));
        assert_eq!(crowd.hear(160), [20, 20, 20, 20, 80]);
    }

    #[test]
    fn many_of_one_network_leave_room_for_another() {
        let mut networks = [1; 200];
        networks[199] = 2;
        let mut crowd = Crowd::of(&networks);
        for _ in 0..2 {
            (0..199).for_each(|member| _ = crowd.fill(member));
        }
        assert!(crowd.fill(199) > 100, "its network is empty");
        assert_eq!(crowd.hear(20)[199], 10);
    }

    #[test]
    fn a_long_line_costs_its_sender_as_many_turns_as_it_is_worth() {
        let mut crowd = Crowd::of(&[1, 2]);
        (0..4).for_each(|_| assert!(crowd.say(0, 50)));
        (0..200).for_each(|_| assert!(crowd.say(1, 1)));
        assert_eq!(crowd.hear(153), [3, 150]);
    }

    #[test]
    fn whoever_holds_nothing_may_put_one_thing_in_whatever_it_costs() {
        let mut crowd = Crowd::of(&[1, 2]);
        assert!(crowd.say(0, 10 * ROOM));
        assert!(!crowd.say(0, 1));
        assert!(crowd.say(1, 128));
        assert!(!crowd.say(1, 1));
        crowd.hear(2);
        assert!(crowd.say(0, 1));
    }

    #[test]
    fn to_come_and_go_wins_no_turns() {
        let mut crowd = Crowd::of(&[1, 2]);
        crowd.fill(1);
        let mut heard = [0, 0];
        for _ in 0..100 {
            crowd.say(0, 1);
            let (member, _) = crowd.turns.take().expect("something");
            heard[member] += 1;
        }
        assert!(heard[0] <= 51, "{heard:?}");
    }

    #[test]
    fn order_in_a_queue_stays_and_what_is_over_is_cleared_away() {
        let mut crowd = Crowd::of(&[1, 1, 2]);
        (0..3).for_each(|member| _ = crowd.fill(member));
        let numbers: Vec<u64> = crowd.members.iter().map(|(number, _)| *number).collect();
        numbers.iter().for_each(|number| crowd.turns.leave(*number));
        let mut next = [0; 3];
        while let Some((member, n)) = crowd.turns.take() {
            assert_eq!(n, next[member]);
            next[member] += 1;
        }
        assert_eq!(next.to_vec(), crowd.said);
        assert!(crowd.turns.queues.is_empty() && crowd.turns.shares.is_empty());
        assert_eq!(crowd.turns.held, 0);
    }

    #[test]
    fn who_is_chosen_has_a_share_of_its_own_from_then_on() {
        let mut crowd = Crowd::of(&[1, 1, 1, 1]);
        crowd.members[3].1 = Group::Chosen(PeerId::random());
        (0..50).for_each(|_| (0..4).for_each(|member| _ = crowd.say(member, 1)));
        assert_eq!(crowd.hear(60)[3], 30);
    }
}
