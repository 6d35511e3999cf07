/** The Worker under test. */
export * from "../../src/index";
export { default } from "../../src/index";
