/** What an operator can put right: its message says it all, and where in our code it came up does not matter. */
export class Refused extends Error {}
