import { DeskInBrowser } from './desk-in-browser';

export default function Page() {
  return (
    <main>
      <h1>Writing desk</h1>
      <DeskInBrowser />
    </main>
  );
}
