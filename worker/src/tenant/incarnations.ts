/** Parts of an incarnation, by which a running node is compared with what is wanted. */

/** Of how many nodes an indexer's cluster is. */
export const AMONG = "|nodes";
/** Which certificates it trusts although nobody shows one yet. */
export const TRUSTS = "|trusts";

/** The part that says which certificates a node was started with, by their generation. */
export const certifiedBy = (generation: number) => `certificate ${generation}`;
