import { deepEqual } from "node:assert/strict";
import { faultKinds, steps } from "../support/faults/kinds.ts";
import { readMatrix } from "../support/faults/matrix.ts";

/** Checks the matrix in test/faults/faults.yaml. faults.spec.ts runs its cases. */
describe("the matrix of faults", () => {
  const { cases, notTried } = readMatrix();
  const inDefault = cases.filter(({ isDefault }) => isDefault);

  it("has every kind of fault and every step among the default cases", () => {
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

  it("has expected words for each final case, and only for those", () => {
    deepEqual(
      cases.filter(({ ending, words }) => (ending === "final") !== (words !== undefined)).map(({ id }) => id),
      [],
    );
  });

  it("has no final case that shares its run", () => {
    deepEqual(
      cases.filter(({ together, ending }) => together !== undefined && ending === "final").map(({ id }) => id),
      [],
    );
  });

  it("gives a reason for each case, and for each case that is not tried", () => {
    deepEqual(
      [...cases, ...notTried].filter(({ why }) => !why),
      [],
    );
  });
});
