package runs

import "crossing/data/dataset"

// Released opens the newest release of each dataset in a folder, by name.
func Released(folder string) (map[string]*Set, error) {
	all, err := dataset.Releases(folder)
	if err != nil {
		return nil, err
	}
	sets := map[string]*Set{}
	for _, r := range all {
		if sets[r.Name] != nil {
			continue
		}
		newest, _ := dataset.Newest(all, r.Name)
		d, err := dataset.Open(newest.Dir(folder))
		if err != nil {
			return nil, err
		}
		sets[r.Name] = New(d)
	}
	return sets, nil
}
