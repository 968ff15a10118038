/** The app that is made at the first start. Its admins are the operator. */
export const DEFAULT_APP = "default";
