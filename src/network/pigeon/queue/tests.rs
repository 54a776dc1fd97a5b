//! Lines wait in their order, go again when a stream breaks under them, and are bounded.

use std::time::Duration;

use super::{run::Overtaken, *};

const SOON: Duration = Duration::from_millis(20);

fn connection(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

fn take(queue: &PeerQueue) -> Option<(u64, String)> {
    let job = queue.take(connection(1), Waker::noop())?;
    Some((job.lane, job.line.to_string()))
}

async fn push(queue: &PeerQueue, lane: u64, line: &str) -> Result<(), Refused> {
    queue.push(lane, line.into(), SOON).await
}

async fn filled(lines: &[(u64, &str)]) -> PeerQueue {
    let queue = PeerQueue::new(10_000);
    for (lane, line) in lines {
        push(&queue, *lane, line).await.expect("room");
    }
    queue
}

#[tokio::test]
async fn a_lane_waits_for_its_line_and_others_do_not() {
    let queue = filled(&[(1, "a"), (1, "b"), (2, "c")]).await;
    assert_eq!(take(&queue), Some((1, "a".into())));
    assert_eq!(take(&queue), Some((2, "c".into())));
    assert_eq!(take(&queue), None, "`b` waits for `a`");
    assert!(!queue.end(1, End::Done));
    assert_eq!(take(&queue), Some((1, "b".into())));
}

#[tokio::test]
async fn a_broken_line_goes_again_and_is_given_up_the_third_time() {
    let queue = filled(&[(1, "a"), (1, "b")]).await;
    for lost in [false, false, true] {
        assert_eq!(take(&queue), Some((1, "a".into())));
        assert_eq!(queue.end(1, End::Broken), lost);
    }
    assert_eq!(take(&queue), Some((1, "b".into())));
}

#[tokio::test]
async fn what_a_lost_connection_was_sending_waits_again_in_its_place() {
    let queue = filled(&[(1, "a"), (1, "b")]).await;
    assert_eq!(take(&queue), Some((1, "a".into())));
    queue.abandon(connection(1));
    assert!(
        !queue.end(1, End::Done),
        "the old stream's end no longer counts"
    );
    assert_eq!(take(&queue), Some((1, "a".into())));
    queue.end(1, End::Done);
    assert_eq!(take(&queue), Some((1, "b".into())));
}

#[tokio::test]
async fn a_full_queue_is_waited_for_once_and_again_when_it_has_emptied() {
    let queue = PeerQueue::new(4 * (LINE_OVERHEAD + 1));
    for lane in 0..4 {
        push(&queue, lane, "x").await.expect("room");
    }
    assert_eq!(push(&queue, 9, "y").await, Err(Refused::Stalled));
    let hour = Duration::from_secs(3600);
    assert_eq!(
        queue.push(9, "y".into(), hour).await,
        Err(Refused::Stalled),
        "at once"
    );
    take(&queue).expect("a line");
    take(&queue).expect("a line");
    queue.end(0, End::Done);
    queue.end(1, End::Done);
    assert_eq!(push(&queue, 9, "y").await, Ok(()));
}

#[tokio::test]
async fn closing_tells_who_waits_and_counts_what_is_lost() {
    let queue = Arc::new(filled(&[(1, "a"), (2, "b")]).await);
    assert_eq!(queue.close(), 2);
    assert_eq!(push(&queue, 1, "c").await, Err(Refused::Closed));
    queue.until_empty().await;
}

#[tokio::test]
async fn a_line_as_long_as_the_queue_fits() {
    let queue = PeerQueue::new(1000);
    push(&queue, 1, &"x".repeat(5000)).await.expect("room");
    assert!(take(&queue).is_some());
}

/// Takes a run and gives its lines.
fn run(queue: &PeerQueue, number: usize, max_bytes: usize) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    let push = |line: &str| {
        lines.push(line.to_owned());
        line != "unfit"
    };
    let mut cx = std::task::Context::from_waker(Waker::noop());
    match queue.poll_run(connection(number), max_bytes, push, &mut cx) {
        std::task::Poll::Ready(_) => Some(lines),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_run_takes_lines_of_all_lanes_in_their_order() {
    let queue = filled(&[(1, "a\n"), (2, "b\n"), (1, "c\n"), (3, "d\n")]).await;
    assert_eq!(
        run(&queue, 1, 6),
        Some(vec!["a".into(), "b".into(), "c".into()])
    );
    assert_eq!(run(&queue, 1, 6), Some(vec!["d".into()]));
    assert_eq!(run(&queue, 1, 6), None);
    assert_eq!(queue.acknowledged(connection(1), 3), Ok(()));
    assert_eq!(queue.acknowledged(connection(1), 2), Err(Overtaken));
    assert_eq!(queue.acknowledged(connection(2), 1), Err(Overtaken));
    assert_eq!(queue.acknowledged(connection(1), 1), Ok(()));
    queue.until_empty().await;
}

#[tokio::test]
async fn what_a_lost_stream_had_under_way_goes_first_on_the_next() {
    let queue = filled(&[(1, "a"), (2, "b"), (3, "c")]).await;
    assert_eq!(run(&queue, 1, 2).map(|lines| lines.len()), Some(2));
    assert_eq!(run(&queue, 2, 9), None, "one stream at a time");
    assert_eq!(queue.acknowledged(connection(1), 1), Ok(()));
    assert!(!queue.give_back(connection(1), false));
    assert_eq!(run(&queue, 2, 9), Some(vec!["b".into(), "c".into()]));
}

#[tokio::test]
async fn a_line_under_which_three_streams_break_is_given_up() {
    let queue = filled(&[(1, "poison"), (2, "b")]).await;
    for lost in [false, false, true] {
        assert_eq!(run(&queue, 1, 99).map(|lines| lines.len()), Some(2));
        assert_eq!(queue.give_back(connection(1), true), lost);
    }
    assert_eq!(run(&queue, 1, 99), Some(vec!["b".into()]));
    assert_eq!(queue.acknowledged(connection(1), 1), Ok(()));
    queue.until_empty().await;
}

#[tokio::test]
async fn a_stream_that_made_progress_or_was_lost_with_its_connection_costs_no_line() {
    let queue = filled(&[(1, "a"), (2, "b")]).await;
    for _ in 0..5 {
        run(&queue, 1, 99).expect("lines");
        assert!(!queue.give_back(connection(1), false));
    }
    run(&queue, 1, 99).expect("lines");
    assert_eq!(queue.acknowledged(connection(1), 1), Ok(()));
    assert!(!queue.give_back(connection(1), true));
    assert_eq!(run(&queue, 1, 99), Some(vec!["b".into()]));
}

#[tokio::test]
async fn a_line_that_cannot_be_sent_makes_room() {
    let queue = filled(&[(1, "unfit"), (2, "b")]).await;
    assert_eq!(run(&queue, 1, 99).map(|lines| lines.len()), Some(2));
    assert_eq!(queue.acknowledged(connection(1), 1), Ok(()));
    queue.until_empty().await;
}

#[tokio::test]
async fn lines_sorted_into_lanes_go_back_in_their_order_when_the_connection_is_gone() {
    let queue = filled(&[(1, "a"), (2, "b"), (1, "c"), (3, "d")]).await;
    assert_eq!(take(&queue), Some((1, "a".into())));
    assert_eq!(take(&queue), Some((2, "b".into())));
    assert_eq!(run(&queue, 2, 99), None, "lanes are under way");
    queue.end(2, End::Done);
    queue.abandon(connection(1));
    assert_eq!(
        run(&queue, 2, 99),
        Some(vec!["a".into(), "c".into(), "d".into()])
    );
}
