/** The kinds of fault. The matrix must have a case of each. docs/reliability.md shows the descriptions. */
export const faultKinds = {
  "step-killed": "the step's bash killed",
  "container-killed": "the step's container killed (its first process)",
  "pod-deleted": "the run's pod deleted, without a grace period",
  "kubelet-restarted": "kubelet restarted",
  "controller-crashed": "workflow-controller killed, and started again by its keeper",
  "api-server-restarted": "kube-apiserver restarted",
  "sensor-killed": "the Sensor's pod deleted, without a grace period",
  "event-source-killed": "the EventSource's pod deleted, without a grace period",
  "nats-stopped": "NATS stopped for a minute, its data kept",
  "other-writer": "another writer changes the main workflow between the step's read and its write",
  finalizer: "a CodeRun to cancel has a finalizer that nobody removes",
  "agent-owns-rex": "a CodeRun to cancel becomes the owner of Rex's, which would be deleted together with it",
  "workflow-suspended": "the whole main workflow is suspended meanwhile",
  "main-workflow-ended": "the main workflow is ended meanwhile",
  "label-back": "the label ready-for-qa is added again after its removal",
  "github-401": "GitHub answers 401",
  "github-403-limit": "GitHub answers 403: the rate limit is used up",
  "github-403": "GitHub answers 403: a right is missing",
  "github-404": "GitHub answers 404",
  "github-409": "GitHub answers 409",
  "github-422": "GitHub answers 422",
  "github-429": "GitHub answers 429 with Retry-After",
  "github-500": "GitHub answers 500",
  "github-502": "GitHub answers 502 with a page of HTML",
  "github-broken-json": "GitHub sends only half of its answer's JSON",
  "github-silent": "GitHub accepts the call and does not answer",
  "github-refused": "GitHub refuses or breaks the connection",
} as const;

export type FaultKind = keyof typeof faultKinds;

/** Where a fault can strike: before there is a run, or in one of its steps. */
export const steps = ["detection", "plan", "stop-qa", "restart-qa", "record"] as const;

export type Step = (typeof steps)[number];

/** The calls to GitHub that the steps make. */
export const calls = ["installation", "access-token", "matching-refs", "pulls", "remove", "labels"] as const;

export type Call = (typeof calls)[number];

/** The kinds that test something only if they strike before the step reads what they change. */
export const kindsBeforeReading: readonly FaultKind[] = [
  "finalizer",
  "agent-owns-rex",
  "workflow-suspended",
  "main-workflow-ended",
];

/** The kinds that strike the whole node, and so every run on it. */
export const nodeKinds: readonly FaultKind[] = ["kubelet-restarted", "controller-crashed", "api-server-restarted"];
