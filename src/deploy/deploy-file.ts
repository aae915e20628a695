/** A file of a deployment. */
export interface DeployFile {
  /** Path in the deployment's directory. */
  readonly path: string;
  readonly content: string;
}
