//! Which line an answer is on: the connection's or, over HTTP/2, one of its own, so that whoever is cut takes nobody
//! along.

use std::{
    cell::RefCell,
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
};

use crate::{
    peer::{Line, Severed},
    worker::Worker,
};

/// The line of what is being polled.
#[derive(Clone)]
pub(super) struct Lines(Rc<RefCell<Rc<Line>>>);

impl Lines {
    pub(super) fn new(line: &Rc<Line>) -> Self {
        Self(Rc::new(RefCell::new(Rc::clone(line))))
    }

    pub(super) fn current(&self) -> Rc<Line> {
        Rc::clone(&self.0.borrow())
    }
}

/// Runs the answers of an HTTP/2 connection on the worker's own thread, each on a line of its own. One that is cut is
/// dropped, which resets its stream and no other.
pub(super) struct Local {
    worker: Rc<Worker>,
    lines: Lines,
}

impl Clone for Local {
    fn clone(&self) -> Self {
        Self { worker: Rc::clone(&self.worker), lines: self.lines.clone() }
    }
}

impl Local {
    pub(super) fn new(worker: &Rc<Worker>, lines: &Lines) -> Self {
        Self { worker: Rc::clone(worker), lines: lines.clone() }
    }
}

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, answer: F) {
        let Self { worker, lines } = self.clone();
        tokio::task::spawn_local(async move {
            let line = Rc::<Line>::default();
            run(answer, &line, &lines).await;
            if let Some(Severed::Asked(user, cut)) = line.take_severed() {
                worker.has_cut(&user, cut);
            }
        });
    }
}

/// Runs an answer to its end, or until its line is cut.
async fn run(answer: impl Future, line: &Rc<Line>, lines: &Lines) {
    let mut answer = pin!(answer);
    let poll = |context: &mut Context<'_>| {
        if line.is_cut(context) {
            return Poll::Ready(());
        }
        let before = lines.0.replace(Rc::clone(line));
        let polled = answer.as_mut().poll(context);
        lines.0.replace(before);
        polled.map(drop)
    };
    std::future::poll_fn(poll).await;
}
