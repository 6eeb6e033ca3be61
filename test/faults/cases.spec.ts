import { deepEqual } from "node:assert/strict";
import { faultKinds, steps } from "../support/faults/kinds.ts";
import { readMatrix } from "../support/faults/matrix.ts";

/** The matrix as test/faults/faults.yaml has it. What happens when its cases are run is shown in faults.spec.ts. */
describe("the matrix of faults", () => {
  const { cases, notTried } = readMatrix();
  const inDefault = cases.filter(({ isDefault }) => isDefault);

  it("has each kind of fault, and each step, also among the default cases", () => {
    deepEqual([...new Set(inDefault.map(({ fault }) => fault))].sort(), Object.keys(faultKinds).sort());
    deepEqual(
      steps.filter((step) => !inDefault.some((one) => one.step === step)),
      [],
    );
  });

  it("has no case twice", () => {
    const ids = cases.map(({ id }) => id);
    deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    );
  });

  it("says of each final case which words are expected, and of no other", () => {
    deepEqual(
      cases.filter(({ ending, words }) => (ending === "final") !== (words !== undefined)).map(({ id }) => id),
      [],
    );
  });

  it("lets no final case share its run", () => {
    deepEqual(
      cases.filter(({ together, ending }) => together !== undefined && ending === "final").map(({ id }) => id),
      [],
    );
  });

  it("says why, of each case and of each that is not tried", () => {
    deepEqual(
      [...cases, ...notTried].filter(({ why }) => !why),
      [],
    );
  });
});
