//! Stopping a query that runs: every operator of its plan looks whether it is still wanted.
//!
//! Dropping a query's task ends it where it waits, but some operators, joins above all, compute for long without ever
//! waiting. Here each one is wrapped so that it fails at its next batch once the query is stopped, and gives way to
//! other queries from time to time. The wrapping cannot be seen in explanations.

use std::{
    any::Any,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use datafusion::{
    common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, coop::make_cooperative, metrics::MetricsSet,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::StreamExt;
use tokio::{sync::oneshot, task::AbortHandle};

/// Whether a query is to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A query at work. It is stopped when this is dropped.
pub(crate) struct Running {
    work: AbortHandle,
    stop: Stop,
    /// Dropped, it calls the alarm off.
    _alarm: mpsc::Sender<()>,
}

impl Running {
    /// Watches over a query's task. The receiver is sent to when the time is up, never if there is no timeout.
    ///
    /// The alarm has a thread of its own: those that run queries may all be busy with one that does not end.
    pub(crate) fn new(
        work: AbortHandle,
        stop: Stop,
        timeout: Option<Duration>,
    ) -> std::io::Result<(Running, oneshot::Receiver<()>)> {
        let (called_off, wait) = mpsc::channel();
        let (ring, expired) = oneshot::channel();
        let running = Running { work, stop: stop.clone(), _alarm: called_off };
        if let Some(timeout) = timeout {
            thread::Builder::new().name("sql-alarm".to_owned()).stack_size(128 << 10).spawn(move || {
                if wait.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                    // First the reason, then the stop, or the stop would be taken for a failure of the query.
                    let _ = ring.send(());
                    stop.set();
                }
            })?;
        }
        Ok((running, expired))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.set();
        self.work.abort();
    }
}

/// The same plan, every operator of which heeds the stop.
pub(crate) fn watched(plan: Arc<dyn ExecutionPlan>, stop: &Stop) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|inner| Ok(Transformed::yes(Watched::wrap(inner, stop)))).data()
}

#[derive(Debug)]
struct Watched {
    inner: Arc<dyn ExecutionPlan>,
    stop: Stop,
}

impl Watched {
    fn wrap(inner: Arc<dyn ExecutionPlan>, stop: &Stop) -> Arc<dyn ExecutionPlan> {
        Arc::new(Watched { inner, stop: stop.clone() })
    }
}

impl DisplayAs for Watched {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(format, f)
    }
}

impl ExecutionPlan for Watched {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(&*self.inner)
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(visit)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        #[expect(deprecated, reason = "it is the one method of the two that must be implemented")]
        let inner = self.inner.clone().with_new_children(children)?;
        Ok(Watched::wrap(inner, &self.stop))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Watched::wrap(self.inner.clone().reset_state()?, &self.stop))
    }

    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Watched::wrap(self.inner.with_new_state(state)?, &self.stop))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.inner.execute(partition, context)?;
        let (schema, stop) = (rows.schema(), self.stop.clone());
        let rows =
            rows.map(
                move |rows| {
                    if stop.is_set() { Err(DataFusionError::Execution("it was stopped".to_owned())) } else { rows }
                },
            );
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(schema, rows))))
    }
}
