/**
 * How far the time of a push may be ahead of this node's clock, in seconds. After a push from the future, all later pushes would look old.
 * GitHub accepts no App's signature if the clock is further off than this.
 */
export const clockMarginSeconds = 600;
